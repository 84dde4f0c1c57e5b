"""What was seen of the answers that are asked for: whether inputs tell of them, and which numbers they are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Signal:
    """Whether the targets depend on the inputs: they are held against shuffled copies of themselves."""

    examples: int
    p_value: float  # the share of the copies that look as dependent as the targets do
    chance: float  # at most that where they depend on the inputs
    shuffles: int
    size: float  # of the dependences that are planted to test the test: the share of the cost that they are worth
    met: str  # where inputs and targets come together: loader, loss
    power: float | None = None  # the share of those dependences that is found; of targets that look independent


@dataclass(frozen=True)
class Answers:
    """How far outputs answer to the targets of batches that come after the fixed examples."""

    examples: int  # of these batches
    again: int  # of those, seen before: the network may know them by heart
    standard_errors: float  # of the covariance of outputs and targets


@dataclass(frozen=True)
class TwoValued:
    """A variable of a step that holds one of two numbers for each example, as labels are written."""

    low: int
    high: int
