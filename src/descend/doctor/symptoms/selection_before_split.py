"""Selection before the split: the features are chosen by targets that the evaluation asks for."""

from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign

SOURCE = "Hastie et al. 2009, §7.10.2: the wrong and the right way to do cross-validation"


def selection_before_split(record: Record) -> Sign | None:
    """Report a feature selector that is fitted to all targets before the script sets examples aside."""
    found = record.fact(facts.SelectionBeforeSplit, "0")
    if found is None:
        return None
    return Sign(
        certain=True,
        sentence=f"{found.selector} is fitted to all of `{found.targets}` before the data are split, so it has seen "
        "the targets of the evaluation and the logged metric is too good: split first, and fit it on the training "
        "examples",
        quantity="selectors fitted before the split",
        value=1.0,
        bound=0.0,
        source=SOURCE,
        where=record.site("selection_before_split", "0"),
    )
