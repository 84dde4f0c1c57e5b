"""Facts about the attainable loss of the fixed examples, with the weights of the end of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reachability:
    """The loss at the end of the run, and the lowest loss of a prediction that is the same for all examples."""

    cost: float  # the loss at the end of the run
    constant: float  # lowest loss of a prediction that is the same for all examples
    unbounded: bool  # whether constant predictions can make the loss arbitrarily low
    is_compared: bool  # whether the loss compares the outputs with targets or inputs
    examples: int


@dataclass(frozen=True)
class IncreasingLoss:
    """A loss that increases in the optimizer steps, and whether it is meant to be minimised."""

    of_cost: bool  # whether the loss of constant outputs is bounded below but not above, so it should be minimised


@dataclass(frozen=True)
class Floor:
    """The lowest loss that any result of one call of the forward pass could give."""

    function: str
    floor: float
    is_output: bool  # whether the call computes the network's output
