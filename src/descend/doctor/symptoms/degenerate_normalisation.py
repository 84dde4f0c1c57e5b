"""Degenerate normalisation: a softmax or a norm over a single entry is constant; over no entry it is NaN.

Softmax over n entries is exp(zᵢ)/Σ exp(zⱼ). For n = 1 it is 1, whatever z is, and its derivative is 0. In the same way,
layer normalisation over one feature gives (x − x)/√ε = 0. So neither information nor a gradient passes.
"""

from descend.core.bound import Count
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.single_entry import find_inner_normalisation_of_one, softmax_of_one
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.dimensions import entry_dimension, single_entry_layer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.nn.Softmax: over one entry, exp(x)/exp(x) = 1; Ba et al. 2016, eq. 4: over one entry, x − mean(x) = 0"
ENTRIES = Count(2, "entries that are normalised together", "normalising a single entry always gives the same value")

PROBLEM = Problem(
    id="degenerate_normalisation",
    kind="wiring",
    title="a normalisation over a single entry removes all information",
    consequences=frozenset({"inputs_not_normalised", "no_signal"}),
    remedies=(
        RemedyEntry(
            "softmax_dimension",
            entry_dimension,
            "apply {activation} along dim={dim}",
            "the softmax then normalises over several entries",
            "Vaswani et al. 2017, eq. 1",
        ),
        RemedyEntry(
            "remove_normalisation",
            single_entry_layer,
            "remove {function} over a single entry",
            "its input then passes unchanged",
            "Ba et al. 2016, eq. 4",
        ),
    ),
    example=CodeExample(
        faulty="probabilities = predictions.softmax(dim=1)  # shape (64, 1): always 1",
        fixed="probabilities = predictions.sigmoid()",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a softmax over fully masked rows, or a softmax or norm over one entry if the run has much to learn."""
    if (masked := _report_fully_masked_softmax(record)) is not None:
        return masked
    place = find_inner_normalisation_of_one(record)
    lone = record.fact(facts.LoneEntry, place)
    if lone is None or not summary.cost_left > LEFT_TO_LEARN:
        return None
    gives = f"is always {softmax_of_one(lone.function)}" if lone.is_softmax else "is its bias alone"
    return FatalDetection(
        certain=False,
        likely=True,
        sentence=f"{lone.function} of values of shape {lone.shape} normalises over a single entry: its output "
        f"{gives}, so no information passes forward and no gradient passes back; {loss_left_message(summary)}",
        quantity="entries that are normalised together",
        value=1.0,
        bound=float(ENTRIES),
        source=SOURCE,
        where=record.site(SiteKind.LONE_ENTRY, place),
        module=lone.module,
    )


def _report_fully_masked_softmax(record: Record) -> Detection | None:
    """Report a softmax that returns NaN because every entry of a row is masked."""
    made = record.fact(facts.NotFinite)
    if made is None or not made.is_masked:
        return None
    return FatalDetection(
        certain=True,
        sentence=f"{made.function} is taken over rows in which every entry is masked (-inf), so it computes 0/0 and "
        "the loss is NaN before the first step. Leave one entry of each row unmasked: mask only keys, not queries, "
        "or mask with a large negative number",
        quantity="entries that are normalised together",
        value=0.0,
        bound=1.0,
        source="Vaswani et al. 2017, §3.2.3: masked entries are set to -inf at the softmax's input; exp(-inf) = 0",
        where=record.site(SiteKind.NOT_FINITE),
    )
