"""A term of the loss that is summed, or averaged over fewer values, beside a loss that is averaged over all of its own.

loss = F.mse_loss(decoded, x) - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
loss = F.mse_loss(decoded, x) - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1).mean()
loss = F.mse_loss(decoded, x) - 0.5 * torch.mean(1 + logvar - mu**2 - logvar.exp())     # 784 pixels, 20 codes
"""

from descend.doctor.probes.feeding import value_of
from descend.doctor.probes.loss_call import loss_call, setting
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.probes.terms import terms
from descend.doctor.probes.unread import unread
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH

MORE = 2  # times as many values
WEIGHED = 0.1  # a smaller factor is a weight that somebody has chosen


def mixed_reductions(snapshot: Snapshot) -> Measurement:
    """Yield the fact `mixed_reductions` of the first recorded step, and where the term is summed."""
    recording = snapshot.recordings()[0]
    call = loss_call(recording)
    if call is None:
        raise Unavailable(unread(recording))
    if call.by_hand or setting(call, "reduction") not in (None, "mean"):
        return
    pair = snapshot.trained[0].pair
    values = 1 if pair is None else pair[0].numel() // max(1, recording.examples)
    for _, op, _, factor in terms(recording):
        if op is None or op.name not in ("sum", "mean") or factor is None or abs(factor) < WEIGHED:
            continue
        if op is call.op or not _is_of_examples(op, recording):
            continue
        whole = op.name == "sum" and _is_over_the_batch(op)
        own = 1 if op.name == "sum" else value_of(recording, op.inputs[0]).numel() // recording.examples
        if whole or values >= MORE * own and (op.name == "sum" or own > 1):
            snapshot.note_site("summed_term", "0", op.site, op.name)
            found = facts.MixedReductions(recording.examples, call.function, values, own, over_batch=whole)
            yield Fact.of(found, snapshot.step)
            return


def _is_over_the_batch(op: Op) -> bool:
    dims = op.args[1] if len(op.args) > 1 else op.kwargs.get("dim")
    return dims is None or 0 in (dims if isinstance(dims, tuple | list) else (dims,))


def _is_of_examples(op: Op, recording: Recording) -> bool:
    return recording.sizes.get(op.inputs[0]) == recording.examples > 1 and op.taints[0] == SMOOTH
