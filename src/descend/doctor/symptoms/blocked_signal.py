"""Blocked signal: a call within the network lets hardly any of the gradient pass, in a run that suffers."""

from descend.doctor.course.suffering import may_suffer, suffers
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.doctor.symptoms.unreachable_loss import BARRED, crossing, share_kept
from descend.ground.bound import Bound

SOURCE = "Glorot & Bengio 2010, §4.2: the gradient is multiplied by each layer's slope on its way back"
LITTLE = Bound(
    0.5,
    "of the gradient's norm that passes",
    "chosen, as in the probe, below the 0.7 that a rectifier passes (He et al. 2015, §2.2)",
)

HARDLY = Bound(
    0.1,
    "of the gradient's norm that passes",
    "chosen: two sigmoids in a row pass a sixteenth at most, so that little is looked into where much is left",
)


def blocked_signal(record: Record) -> Sign | None:
    """A call that has no parameters passes less than half of the gradient, or no value before one is good enough."""
    return _barred(record) or _faded(record)


def _barred(record: Record) -> Sign | None:
    """A call across which the floor falls by most of what a constant leaves."""
    call = crossing(record, in_head=False)
    if call is None:
        return None
    return Sign(
        certain=False,
        sentence=f"nothing good enough passes {call.function}: with any values at all before it the loss of the "
        f"fixed examples stays at {call.before:.3g}, with any behind it it comes down to {call.behind:.3g} (one "
        f"answer for all: {call.constant:.3g})",
        quantity="share of a constant's cost that is kept up",
        value=share_kept(call),
        bound=BARRED,
        source=SOURCE,
        where=record.site("crossing", "0"),
    )


def _faded(record: Record) -> Sign | None:
    """Of the gradient that arrives behind a call, less than half comes out before it."""
    call = record.fact(facts.OnNetwork, "0")
    if call is None or not (suffers(record) or call.passes < HARDLY and may_suffer(record)):
        return None
    return Sign(
        certain=False,
        sentence=f"of the gradient that arrives behind {call.function} {call.passes:.2g} of its length passes it "
        f"(a rectifier: 0.7), and the run does not learn so well what it is asked: what stands before it hardly "
        "hears of the error",
        quantity="share of the gradient that passes",
        value=call.passes,
        bound=LITTLE,
        source=SOURCE,
        where=record.site("on_network", "0"),
    )
