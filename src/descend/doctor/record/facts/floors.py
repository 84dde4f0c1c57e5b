"""How low the loss of the fixed examples could go at the end of a run, whatever stood in some place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reachability:
    """What the best answer that is the same for all examples costs."""

    cost: float  # what the run has come to
    constant: float  # the least loss of such an answer
    unbounded: bool  # even that falls without end
    is_compared: bool  # the loss compares what the network says with something of the data
    examples: int


@dataclass(frozen=True)
class Climb:
    """What the steps go up: over outputs that are alike for all examples, a loss may have bounds on either side."""

    of_cost: bool  # it has a least value and no greatest one, so it is a cost and not a gain


@dataclass(frozen=True)
class Floor:
    """How low the loss can go with any values behind one call, the weights as they are at the end."""

    function: str
    floor: float
    is_output: bool  # the call makes the network's output
