"""Which call computes the loss, what it is fed, and what activation made that."""

from dataclasses import dataclass

from torch import Tensor, nn

from descend.tape import Op, Recording
from descend.tape.vocabulary import (
    BINARY_LOSSES,
    CLASS_LOSSES,
    LOSSES,
    OUTPUT_ACTIVATIONS,
    REAL_LOSSES,
    RESHAPES,
)


@dataclass(frozen=True)
class LossCall:
    """The one loss call of a recording."""

    op: Op
    activation: Op | None  # the call that produced the loss's input, where it is an activation

    @property
    def function(self) -> str:
        """The loss's name in torch.nn.functional."""
        return self.op.name

    @property
    def task(self) -> str:
        """`classes`, `binary` or `real`."""
        for task, names in (("classes", CLASS_LOSSES), ("binary", BINARY_LOSSES), ("real", REAL_LOSSES)):
            if self.function in names:
                return task
        raise ValueError(self.function)


def loss_call(recording: Recording) -> LossCall | None:
    """Return the loss call of a recording; None when there is none, or several (the task cannot be told)."""
    ops = list(recording.ops)
    calls = [op for op in ops if op.name in LOSSES]
    if len(calls) != 1 or len(calls[0].inputs) < 2:
        return None
    return LossCall(calls[0], _activation_behind(ops, calls[0]))


def _activation_behind(ops: list[Op], loss: Op) -> Op | None:
    slot = loss.inputs[0]
    for op in reversed(ops[: ops.index(loss)]):
        if slot not in op.outputs and slot not in op.written:
            continue
        if op.name in OUTPUT_ACTIVATIONS:
            return op
        if op.name not in RESHAPES or not op.inputs:
            return None
        slot = op.inputs[0]
    return None


def module_of(op: Op) -> nn.Module | None:
    """Return the module whose forward made the call."""
    return op.origin.module if op.origin else None


def class_dim(scores: Tensor) -> int:
    """Return the dimension of the scores, or of soft targets, that the classes lie along: (C,), (N, C), (N, C, …)."""
    return 1 if scores.ndim > 1 else 0


def ignored_class(call: LossCall) -> int:
    """Return the target that the loss leaves out."""
    return int(call.op.kwargs.get("ignore_index", -100))
