"""A recording with dropout disabled; normalisation still uses batch statistics, as in training."""

from dataclasses import replace

from descend.doctor.tape.call import Op
from descend.doctor.tape.evaluation import evaluation_arguments, is_random_in_training
from descend.doctor.tape.recording import Recording


def without_dropout(recording: Recording) -> Recording:
    """Return the recording with dropout disabled, so that its loss does not depend on random numbers."""
    return replace(recording, ops=tuple(map(_disable_dropout, recording.ops)))


def _disable_dropout(op: Op) -> Op:
    """Return a dropout call with dropout disabled, and any other call unchanged."""
    if not is_random_in_training(op.func):
        return op
    args, kwargs = evaluation_arguments(op.func, op.args, op.kwargs)
    return replace(op, args=args, kwargs=kwargs, random=None)
