"""Facts about targets and predictions: whether the inputs carry information about the targets."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Signal:
    """A permutation test of whether the targets depend on the inputs."""

    examples: int
    # share of shuffled copies of the targets that depend on the inputs at least as strongly as the targets themselves
    p_value: float
    chance: float  # largest p-value at which the targets count as dependent on the inputs
    shuffles: int  # number of shuffled copies of the targets
    size: float  # strength of the artificial dependences that measure the power of the test, as a share of the loss
    met: str  # `loader` if the data loader returns inputs and targets together; `loss` if the script pairs them later
    # share of the artificial dependences that the test finds; None if the targets look dependent
    power: float | None = None


@dataclass(frozen=True)
class OutputTargetCovariance:
    """The covariance of the network's outputs and the targets, over training batches that follow the first few."""

    examples: int  # number of examples over which the covariance is computed
    again: int  # number of these examples that occurred in earlier batches, so the network may have memorised them
    standard_errors: float  # covariance of outputs and targets, in units of its standard error


@dataclass(frozen=True)
class TwoValued:
    """A tensor variable in the training loop that holds only the two numbers `low` and `high`, like binary labels."""

    low: int
    high: int
