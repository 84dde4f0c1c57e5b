"""A recording in which nothing is dropped: normalisation goes by the batch, as in training."""

from dataclasses import replace

from descend.doctor.tape.call import Op
from descend.doctor.tape.evaluation import as_evaluated, drops
from descend.doctor.tape.recording import Recording


def without_dropout(recording: Recording) -> Recording:
    """Return the recording with dropout off: units may then be compared whatever their order."""
    return replace(recording, ops=tuple(map(_still, recording.ops)))


def _still(op: Op) -> Op:
    if not drops(op.func):
        return op
    args, kwargs = as_evaluated(op.func, op.args, op.kwargs)
    return replace(op, args=args, kwargs=kwargs, random=None)
