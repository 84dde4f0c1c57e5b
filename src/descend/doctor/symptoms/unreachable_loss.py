"""Unreachable loss: what stands between the network's output and the loss keeps it up, whatever the network says."""

from descend.doctor.course.opponents import has_opponents
from descend.doctor.course.progress import LEFT_TO_LEARN
from descend.doctor.course.suffering import may_suffer, suffers
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Goodfellow et al. 2016, §6.2.2: the output layer and the loss are chosen together"
BARRED = Bound(0.5, "of what a constant leaves to be learnt", "chosen, as in the probe: half of it is most")


def unreachable_loss(record: Record) -> Sign | None:
    """With any output at all the loss stays above half of what a constant leaves: one call keeps it there."""
    call = crossing(record, in_head=True)
    if call is None:
        return None
    return Sign(
        certain=suffers(record),
        sentence=f"whatever the network says, the loss of the fixed examples does not fall below {call.before:.3g} "
        f"(one answer for all of them: {call.constant:.3g}); it could come down to {call.behind:.3g} behind "
        f"{call.function}, which stands between the output and the loss and does not let it",
        quantity="share of a constant's cost that no output undoes",
        value=share_kept(call),
        bound=BARRED,
        source=SOURCE,
        where=record.site("crossing", "0") or record.site("loss"),
    )


def crossing(record: Record, *, in_head: bool) -> facts.Crossing | None:
    """Return the call that bars the path after the network's output, or within it, in a run that may fail.

    A loss that can come down to a small part of a constant's is not barred: what is below it may be no loss at all,
    as the logarithm of a probability above 1.
    """
    call = record.fact(facts.Crossing, "0")
    if call is None or call.in_head is not in_head or abs(call.before) < LEFT_TO_LEARN * call.constant:
        return None
    return call if not has_opponents(record) and may_suffer(record) else None


def share_kept(call: facts.Crossing) -> float:
    """Return the share of what a constant leaves to be learnt that a call keeps up."""
    return (call.before - call.behind) / (call.constant - call.behind)
