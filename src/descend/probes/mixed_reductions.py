"""A term of the loss that is summed over the batch, beside a loss that is averaged over it.

loss = F.mse_loss(decoded, x) - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
"""

from collections.abc import Iterator

from descend.probes.loss_call import loss_call, setting
from descend.probes.moment import Measurement, Moment
from descend.record import Fact
from descend.tape import Op, Recording
from descend.tape.call import SMOOTH
from descend.tape.vocabulary import ADDITIONS, PRODUCTS, QUOTIENTS

WEIGHED = 0.1  # a smaller factor is a weight that somebody has chosen


def mixed_reductions(moment: Moment) -> Measurement:
    """Yield the fact `mixed_reductions` of the first recorded step, and where the term is summed."""
    recording = moment.recordings()[0]
    call = loss_call(recording)
    if call is None or call.by_hand or setting(call, "reduction") not in (None, "mean"):
        return
    for op, factor in _sums(recording):
        if abs(factor) >= WEIGHED and _is_over_the_batch(op, recording):
            moment.note_site("summed_term", "0", op.site, op.name)
            yield Fact("mixed_reductions", "", moment.step, {"examples": recording.examples, "function": call.function})
            return


def _sums(recording: Recording) -> Iterator[tuple[Op, float]]:
    """Yield the sums that are added up to the loss, each with the number it is multiplied by."""
    made = {slot: op for op in recording.ops for slot in (*op.outputs, *op.written) if slot is not None}
    waiting = [(recording.root, 1.0)]
    while waiting:
        slot, factor = waiting.pop()
        op = made.get(slot)
        if op is None or SMOOTH not in op.taints:
            continue
        if op.name == "sum":
            yield op, factor
        elif op.name in ADDITIONS and slot not in op.inputs:
            waiting += [(other, factor) for other in op.inputs]
        elif op.name in ("neg", "__neg__"):
            waiting.append((op.inputs[0], factor))
        elif op.name in PRODUCTS | QUOTIENTS and len(op.inputs) == 1:
            numbers = [x for x in op.args if isinstance(x, int | float) and not isinstance(x, bool)]
            if len(numbers) == 1 and numbers[0]:
                scaled = factor * numbers[0] if op.name in PRODUCTS else factor / numbers[0]
                waiting.append((op.inputs[0], scaled))


def _is_over_the_batch(op: Op, recording: Recording) -> bool:
    dims = op.args[1] if len(op.args) > 1 else op.kwargs.get("dim")
    over = dims is None or 0 in (dims if isinstance(dims, tuple | list) else (dims,))
    return over and recording.sizes.get(op.inputs[0]) == recording.examples > 1 and op.taints[0] == SMOOTH
