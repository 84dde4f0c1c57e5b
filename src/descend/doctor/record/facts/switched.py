"""What was seen of what training and evaluation compute differently: dropout and batch normalisation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dropout:
    """A dropout layer of the model."""

    p: float  # the share of its units that it leaves out


@dataclass(frozen=True)
class TrainingMode:
    """A call in an evaluation that computes as in training: it draws, or moves running statistics."""

    function: str  # dropout, batch_norm, …
    by_itself: bool  # it is called as a function, and no mode is told to it
    with_gradients: bool = False  # they were switched on, and no backward pass took any
