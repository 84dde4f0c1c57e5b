"""A term of the loss that is summed, or averaged over fewer values than the main loss.

loss = F.mse_loss(decoded, x) - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
loss = F.mse_loss(decoded, x) - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1).mean()
loss = F.mse_loss(decoded, x) - 0.5 * torch.mean(1 + logvar - mu**2 - logvar.exp())     # 784 pixels, 20 codes
"""

from descend.doctor.measure.loss_call import loss_call, setting
from descend.doctor.measure.loss_terms import terms
from descend.doctor.measure.messages import no_loss_call_message
from descend.doctor.measure.replay import slot_value
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH

MORE = 2  # The main loss must average over at least this many times as many values as the term.
WEIGHED = 0.1  # A factor below this counts as a weight that the user chose.


def mixed_reductions(snapshot: Snapshot) -> Measurement:
    """Yield a fact if a term of the first recorded loss is summed, or averaged over fewer values than the main loss."""
    recording = snapshot.recordings()[0]
    call = loss_call(recording)
    if call is None:
        raise Unavailable(no_loss_call_message(recording))
    if call.by_hand or setting(call, "reduction") not in (None, "mean"):
        return
    pair = snapshot.trained[0].pair
    values = 1 if pair is None else pair[0].numel() // max(1, recording.batch_size)
    for _, op, _, factor in terms(recording):
        if op is None or op.name not in ("sum", "mean") or factor is None or abs(factor) < WEIGHED:
            continue
        if op is call.op or not _is_of_examples(op, recording):
            continue
        whole = op.name == "sum" and _is_over_the_batch(op)
        own = 1 if op.name == "sum" else slot_value(recording, op.inputs[0]).numel() // recording.batch_size
        if whole or values >= MORE * own and (op.name == "sum" or own > 1):
            snapshot.note_site(SiteKind.SUMMED_TERM, "0", op.site, op.name)
            found = facts.MixedReductions(recording.batch_size, call.function, values, own, over_batch=whole)
            yield Fact.of(found, snapshot.step)
            return


def _is_over_the_batch(op: Op) -> bool:
    """Return whether a sum or mean includes dimension 0, the batch."""
    dims = op.args[1] if len(op.args) > 1 else op.kwargs.get("dim")
    return dims is None or 0 in (dims if isinstance(dims, tuple | list) else (dims,))


def _is_of_examples(op: Op, recording: Recording) -> bool:
    """Return whether a call's input has one row per example and depends on the parameters."""
    return recording.sizes.get(op.inputs[0]) == recording.batch_size > 1 and op.dependences[0] == SMOOTH
