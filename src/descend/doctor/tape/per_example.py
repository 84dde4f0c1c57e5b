"""Apply a recorded step to single examples of its batch, or to a different batch of the same shapes."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.recording import Recording
from descend.landscape.loss import Evaluate

# largest relative difference allowed between the batch gradient and the mean of example gradients (float32)
TOLERANCE = 1e-3


class NotSeparable(Exception):
    """Raised if a step cannot be split into its examples or applied to another batch. The message is the reason."""


def example_losses(recording: Recording, parameters: Sequence[Tensor], *, evaluation: bool) -> tuple[Evaluate, ...]:
    """Return, for each example of the batch, its loss as a function of the parameters.

    The step is replayed with data tensors that contain only the row of that example.
    This is valid only if the batch gradient is the mean of the example gradients (`check_mean`). Raises `NotSeparable`
    if no data tensor has one row per example.
    """
    slots = _batched_inputs(recording)
    if not slots:
        raise NotSeparable("no data tensor of the step has one row per example")
    return tuple(_example_loss(recording, parameters, slots, row, evaluation) for row in range(recording.batch_size))


def check_mean(rows: Tensor, whole: Tensor) -> None:
    """Raise `NotSeparable` if the mean of the example gradients ``(n, p)`` differs from the batch gradient ``(p,)``.

    The two differ if a layer normalises over the batch, examples are weighted, or dropout draws random numbers.
    """
    off, length = float((rows.mean(0) - whole).double().norm()), float(whole.double().norm())
    if not off <= TOLERANCE * length:
        share = off / length if length else off
        raise NotSeparable(f"the mean example gradient differs from the batch gradient by {share:.2g} of its norm")


def with_batch(recording: Recording, batch: object) -> Recording:
    """Return a recording of the step with another batch of the same DataLoader in place of its own batch.

    Raises `NotSeparable` if the tensors of the two batches cannot be matched by type and shape.
    """
    given = [leaf for leaf in leaves(batch) if isinstance(leaf, Tensor)]
    data, watched = dict(recording.data), dict(recording.watched)
    for slot in recording.loaders:
        old = data[slot] if slot in data else watched.pop(slot)[0]
        alike = [t for t in given if t.dtype == old.dtype and t.shape[1:] == old.shape[1:]]
        if len(alike) != 1:
            raise NotSeparable("the tensors of the other batch cannot be matched by type and shape")
        data[slot] = alike[0].to(old.device)
    if not recording.loaders:
        raise NotSeparable("the step's data do not come from a DataLoader")
    return replace(recording, data=data, watched=watched)


def _batched_inputs(recording: Recording) -> set[int]:
    """Return the ids of data tensors with one row per example that a call combines with parameters or activations."""
    return {
        slot
        for op in recording.ops
        if op.state.grad and SMOOTH in op.dependences
        for slot, dependence in zip(op.inputs, op.dependences)
        if dependence == NONE and slot not in recording.parameters and recording.sizes[slot] == recording.batch_size
    }


def _example_loss(
    recording: Recording, parameters: Sequence[Tensor], slots: set[int], row: int, evaluation: bool
) -> Evaluate:
    """Return the loss of the example in `row` of the batch as a function of the parameters."""

    def select_row(rows: Tensor) -> Tensor:
        """Return the row of a data tensor that belongs to the example, as a batch of one."""
        return rows[row : row + 1]

    return recording.loss(parameters, replace=dict.fromkeys(slots, select_row), evaluation=evaluation).parts[0]
