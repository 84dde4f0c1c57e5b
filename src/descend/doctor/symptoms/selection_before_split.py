"""Selection before the split: features are selected with the test targets, so the metric is too good.

If features are selected by their correlation with the targets of all rows, the test targets take part in the selection.
Among thousands of random features, some correlate with the targets by chance, also in the test rows. The metric then
measures this chance, and new examples do not share it (Ambroise & McLachlan 2002).
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.symptoms.problem import CodeExample, Problem

SOURCE = "Hastie et al. 2009, §7.10.2: the wrong and the right way to do cross-validation"

PROBLEM = Problem(
    id="selection_before_split",
    kind="statics",
    title="features are selected with the help of the test targets",
    flatters=True,
    advice="Split the data first, fit the selector on the training examples, and transform both parts with it.",
    example=CodeExample(
        faulty=(
            "selected = SelectKBest(k=5).fit_transform(features, classes)\ntrain, test = selected[:800], selected[800:]"
        ),
        fixed=(
            "train, test = features[:800], features[800:]\n"
            "selector = SelectKBest(k=5).fit(train, classes[:800])\n"
            "train, test = selector.transform(train), selector.transform(test)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a feature selector that is fitted to all targets before the script splits off the test examples."""
    found = record.fact(facts.SelectionBeforeSplit, "0")
    if found is None:
        return None
    return Detection(
        certain=True,
        sentence=f"{found.selector} is fitted to all of `{found.targets}` before the data are split, so it has "
        "used the targets of the evaluation, and the logged metric is too good. Split first, then fit it on the "
        "training examples",
        quantity="selectors fitted before the split",
        value=1.0,
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.SELECTION_BEFORE_SPLIT, "0"),
    )
