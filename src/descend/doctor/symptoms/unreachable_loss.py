"""Unreachable loss: a call between the network's output and the loss keeps the loss high for every output.

A call c between the outputs z and the loss limits the loss to the minimum of L(c(z), y) over all z. If c has a limited
range, such as a sigmoid, a clamp or a normalisation, this minimum can be far above 0. No weights can lower it.
"""

from descend.core.bound import Bound
from descend.doctor.assess.opponents import has_opponents
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, entries_for_places

SOURCE = "Goodfellow et al. 2016, §6.2.2: the output layer and the loss are chosen together"
BARRED = Bound(
    0.5,
    "share of the gap from a constant prediction's loss to the lowest loss that the call keeps open",
    "chosen: the measurement that finds such calls uses the same limit",
)

PROBLEM = Problem(
    id="unreachable_loss",
    kind="dynamics",
    title="no output of the network can make the loss small",
    remedies=(
        *entries_for_places("skip_call", (facts.Crossing, "skip", 1), phrases.REMOVE_CALL, phrases.OUTPUT_REACHES_LOSS),
    ),
    observes=True,
    example=CodeExample(
        faulty=(
            "predictions = outputs.clamp(min=0)  # half of the targets are negative\n"
            "loss = F.mse_loss(predictions, targets)"
        ),
        fixed="loss = F.mse_loss(outputs, targets)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a call between the network's output and the loss that keeps the loss high for every output."""
    call = find_blocking_call(record, summary, in_head=True)
    if call is None:
        return None
    return Detection(
        certain=summary.fails(),
        sentence=f"no output of the network brings the loss of the fixed examples below {call.before:.3g} (best "
        f"constant output: {call.constant:.3g}), because of {call.function} between the output and the loss. Other "
        f"values after that call could reach {call.after:.3g}",
        quantity="share of the gap from a constant prediction's loss to the lowest loss that the call keeps open",
        value=kept_share_of_gap(call),
        bound=BARRED,
        source=SOURCE,
        where=record.site(SiteKind.CROSSING, "0") or record.site(SiteKind.LOSS),
    )


def find_blocking_call(record: Record, summary: RunSummary, *, in_head: bool) -> facts.Crossing | None:
    """Return the call that keeps the loss high, after the network's output (`in_head`) or within the network, if any.

    The call does not count if the loss can still fall to a small part of a constant prediction's. Lower values may be
    meaningless, such as the logarithm of a probability above 1.
    """
    call = record.fact(facts.Crossing, "0")
    if call is None or call.in_head is not in_head or abs(call.before) < LEFT_TO_LEARN * call.constant:
        return None
    return call if not has_opponents(record) and summary.may_fail() else None


def kept_share_of_gap(call: facts.Crossing) -> float:
    """Return the share of the gap from a constant prediction's loss to the lowest loss that a call keeps open."""
    return (call.before - call.after) / (call.constant - call.after)
