"""The labels or targets of a later batch, whose distribution should be similar to those of other batches."""

from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.snapshot import Measurement, Snapshot, forward, no_grad_float
from descend.doctor.record import Fact, facts
from descend.doctor.record.task import Task

LISTED = 64  # largest number of classes whose counts are kept


def batch(snapshot: Snapshot) -> Measurement:
    """Yield how the targets of this step's batch are distributed: class counts, or mean and standard deviation."""
    call = None if snapshot.recording is None else loss_call(snapshot.recording)
    if snapshot.recording is None or call is None:
        return
    pair = forward(snapshot.recording, evaluation=False).pair
    if pair is None or not pair[1].numel():
        return
    target = pair[1].detach()
    values = target.reshape(-1)
    if not target.is_floating_point() or call.task == Task.BINARY:
        labels, counts = values.unique(return_counts=True)
        listed = {str(int(k)): int(n) for k, n in list(zip(labels, counts))[:LISTED]}
        found = facts.Batch(target.numel(), labels=listed)
    else:
        values = no_grad_float(values)
        found = facts.Batch(target.numel(), mean=float(values.mean()), std=float(values.std(correction=0)))
    yield Fact.of(found, snapshot.step)
