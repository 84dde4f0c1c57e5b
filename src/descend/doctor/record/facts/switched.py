"""Facts about layers that compute differently in training and evaluation: dropout and batch normalisation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dropout:
    """A dropout layer of the model, and its dropout probability."""

    p: float  # probability of setting a unit to zero


@dataclass(frozen=True)
class TrainingMode:
    """A call in an evaluation that acts as in training: it draws random numbers or updates running statistics."""

    function: str  # name of the function: dropout, batch_norm, …
    by_itself: bool  # whether the script itself calls the function without the argument `training`
    with_gradients: bool = False  # whether autograd was enabled in the evaluation, although no backward pass followed
