"""Sum reduction: the loss, its gradient and its curvature grow with the batch size, and so does the step.

The sum over S examples is S times their mean, and so are its gradient and its curvature. The learning rate lr acts like
lr·S, and the stability limit lr < 2/λmax becomes S times as low. A value that suits one batch size is wrong for
another, also for the last, smaller batch.
"""

from math import prod

from descend.core.bound import Bound
from descend.doctor.assess.stability import uses_rule
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import STABLE_RATE_AS_WORKAROUND

SOURCE = "Goyal et al. 2017, §3: the gradient of a sum over N examples is N times that of the mean"
LEAST = Bound(
    8.0, "terms that are summed", "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses"
)

PROBLEM = Problem(
    id="sum_reduction",
    kind="statics",
    title="the loss grows with the batch size",
    consequences=frozenset(
        {
            "targets_not_scaled",
            "inputs_not_normalised",
            "saturated_units",
            "exploding_gradients",
            "instability",
            "dead_units",
            "oscillation",
        }
    ),
    remedies=(
        RemedyEntry(
            "mean_reduction",
            only_optimizer,
            "average the loss over the examples",
            "the step length then no longer depends on the batch size",
            "Goyal et al. 2017, §3",
            cost=1,
        ),
        STABLE_RATE_AS_WORKAROUND,
    ),
    example=CodeExample(
        faulty='loss = F.cross_entropy(model(inputs), targets, reduction="sum")',
        fixed="loss = F.cross_entropy(model(inputs), targets)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss that is summed, not averaged, in a run of SGD that is unstable or learns little.

    Adaptive optimizers rescale the gradient, so a summed loss does not harm them.
    """
    given = record.fact(facts.LossInput)
    if given is None:
        return None
    summed = given.reduction == "sum" or given.by_hand and record.site(SiteKind.REDUCTION) is not None
    terms = float(prod(given.target_shape))
    if not summed or terms < LEAST or not uses_rule(record, "0", ("SGD",)):
        return None
    if summary.first_rise("0") is None and not summary.is_stuck("0", LITTLE_LEARNED):
        return None
    return Detection(
        certain=False,
        likely=True,
        sentence=f"the loss is a sum of {terms:.0f} terms: its gradient and curvature are {terms:.0f} times those of "
        "the mean, so the learning rate acts as if it were that many times larger",
        quantity="terms in the sum",
        value=terms,
        bound=1.0,
        source=SOURCE,
        where=record.site(SiteKind.LOSS_MODULE) or record.site(SiteKind.REDUCTION) or record.site(SiteKind.LOSS),
    )
