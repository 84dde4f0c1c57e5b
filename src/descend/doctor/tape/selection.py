"""A recorded step on some of its own examples, or on other ones of the same shapes."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.recording import Recording
from descend.landscape.loss import Evaluate

TOLERANCE = 1e-3  # of the batch's gradient: what a mean of its examples' may differ by in float32


class NotSeparable(Exception):
    """Why a step cannot be taken apart into its examples, or put on other ones."""


def example_parts(recording: Recording, parameters: Sequence[Tensor], *, evaluation: bool) -> tuple[Evaluate, ...]:
    """Return the loss of each example of the batch by itself: every row of data as long as the batch is one.

    Whether the step can be taken apart so, their gradients tell (`is_mean`). Raises `NotSeparable` for no such rows.
    """
    slots = _rows(recording)
    if not slots:
        raise NotSeparable("no data of the step have one row an example")
    return tuple(_one(recording, parameters, slots, row, evaluation) for row in range(recording.examples))


def check_mean(rows: Tensor, whole: Tensor) -> None:
    """Raise `NotSeparable` where the mean of the examples' gradients (n, p) is not the batch's (p,).

    It is another one where the batch is normalised by its own statistics, its examples are weighted, or dropout draws.
    """
    off, length = float((rows.mean(0) - whole).double().norm()), float(whole.double().norm())
    if not off <= TOLERANCE * length:
        share = off / length if length else off
        raise NotSeparable(f"the mean of the examples' gradients is off the batch's by {share:.2g} of its length")


def on_batch(recording: Recording, batch: object) -> Recording:
    """Return the step on another batch of the loader that its data came from.

    Raises `NotSeparable` where it cannot be told which of the batch's tensors stands for which.
    """
    given = [leaf for leaf in leaves(batch) if isinstance(leaf, Tensor)]
    data, watched = dict(recording.data), dict(recording.watched)
    for slot in recording.loaders:
        old = data[slot] if slot in data else watched.pop(slot)[0]
        alike = [t for t in given if t.dtype == old.dtype and t.shape[1:] == old.shape[1:]]
        if len(alike) != 1:
            raise NotSeparable("which tensor of a batch is which cannot be told by type and shape")
        data[slot] = alike[0].to(old.device)
    if not recording.loaders:
        raise NotSeparable("the step's data do not come from a DataLoader")
    return replace(recording, data=data, watched=watched)


def _rows(recording: Recording) -> set[int]:
    """Return the slots of data that meet what depends on the parameters, with one row an example."""
    return {
        slot
        for op in recording.ops
        if op.state.grad and SMOOTH in op.taints
        for slot, taint in zip(op.inputs, op.taints)
        if taint == NONE and slot not in recording.parameters and recording.sizes[slot] == recording.examples
    }


def _one(recording: Recording, parameters: Sequence[Tensor], slots: set[int], row: int, evaluation: bool) -> Evaluate:
    def pick(rows: Tensor) -> Tensor:
        return rows[row : row + 1]

    return recording.loss(parameters, replace=dict.fromkeys(slots, pick), evaluation=evaluation).parts[0]
