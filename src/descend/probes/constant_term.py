"""A term of the loss that is made of derivatives, and of no graph: it moves with the parameters and moves none.

forces = -torch.autograd.grad(energy.sum(), x)[0]            # without create_graph=True
loss = mse(energy, e) + mse(forces, f)
"""

from collections.abc import Iterator

from descend.probes.moment import Measurement, Moment
from descend.record import Fact
from descend.tape import Op, Recording
from descend.tape.call import NONE
from descend.tape.vocabulary import ADDITIONS, PRODUCTS, QUOTIENTS, RESHAPES

SUMS = ADDITIONS | {"sum", "stack"}
SCALED = PRODUCTS | QUOTIENTS | {"neg", "__neg__", "mean"} | RESHAPES


def constant_term(moment: Moment) -> Measurement:
    """Yield the fact `constant_term` of the first recorded step, where there is one."""
    recording = moment.recordings()[0]
    made = {slot: op for op in recording.ops for slot in (*op.outputs, *op.written) if slot is not None}
    for term in _terms(recording, made):
        sources = [slot for slot in recording.behind(term) if slot in recording.derivatives]
        if sources:
            moment.note_site("derivative", "0", recording.derivatives[sources[0]], "grad")
            yield Fact("constant_term", "", moment.step, {"derivatives": len(sources)})
            return


def _terms(recording: Recording, made: dict[int, Op]) -> Iterator[int]:
    """Yield the slots that are added up to the loss and do not depend on the parameters."""
    waiting, seen = [recording.root], set()
    while waiting:
        slot = waiting.pop()
        op = made.get(slot)
        if op is None or slot in seen or op.name not in SUMS | SCALED:
            continue
        seen.add(slot)
        taints = dict(zip(op.inputs, op.taints))
        if op.name in SUMS:
            yield from (other for other, taint in taints.items() if taint == NONE)
        waiting += [other for other, taint in taints.items() if taint != NONE]
