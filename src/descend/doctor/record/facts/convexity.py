"""Facts about the shape of the loss function: convexity, bad minima, plateaus."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SeenConvexity:
    """Result of a test of whether the loss is convex, at several points and on the lines between them."""

    points: int
    # smallest Hessian eigenvalue, as a share of the largest eigenvalue's magnitude; None without second derivatives
    lowest: float | None
    excess: float  # largest excess of the loss over its linear interpolation between two points, as a share of it
    is_refuted: bool  # whether the test shows that the loss is not convex


@dataclass(frozen=True)
class Convexity:
    """Convexity of the loss as a function of the outputs, of all parameters, and of the output layer's parameters."""

    loss: str  # the loss function's name
    activation: str  # activation that is applied to the outputs before the loss, or empty
    outputs: SeenConvexity
    all: SeenConvexity  # convexity of the loss as a function of all parameters
    hidden: int  # number of hidden layers
    # convexity of the loss as a function of the output layer's parameters; None if unknown
    output_layer: SeenConvexity | None = None


@dataclass(frozen=True)
class RandomUnits:
    """The loss after only the output layer is fitted, once with random and once with trained hidden units."""

    cost: float  # loss of the network with its present weights
    random: float  # loss with the hidden units of the initial weights and a refitted output layer
    trained: float  # loss with the hidden units of the present weights and a refitted output layer
    is_refuted: bool  # whether the loss is shown not to be convex in the output layer's parameters


@dataclass(frozen=True)
class BadMinimum:
    """A point at which all ReLU units of the last hidden layer are dead and the other parameters are optimal."""

    layer: str
    cost: float  # the loss at the bad minimum
    good: float  # the loss at the run's present weights
    gradient_norm: float
    lowest: float  # smallest rise of the loss over random small steps, as a share of the loss
    tried: int  # number of random steps that were tried
    is_minimum: bool  # whether no random step lowers the loss by more than rounding error
    is_bad: bool  # whether the loss at the run's present weights is lower than at the minimum


@dataclass(frozen=True)
class Plateau:
    """Shares of zero gradient entries, and of small random steps that change neither the loss nor the error rate."""

    # share of the parameters with a zero gradient if each hidden activation is replaced by a step function
    hard_zero: float
    soft_zero: float  # share of the parameters with a zero gradient in the network as it is
    smooth_unmoved: float  # share of the random steps that leave the loss exactly unchanged
    wrong: float | None = None  # error rate; None if the targets are not classes
    wrong_unmoved: float | None = None  # share of the random steps that leave the error rate unchanged
