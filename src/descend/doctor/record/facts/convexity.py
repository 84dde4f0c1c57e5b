"""Where the cost of a script's network is convex, what its minima are like, and where it is flat."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SeenConvexity:
    """What was seen of a cost at some points and on the chords between them."""

    points: int
    lowest: float | None  # eigenvalue, as a share of the largest magnitude; None without second derivatives
    excess: float  # how far it lies above a chord, as a share of the largest cost
    is_refuted: bool  # it is proved not to be convex


@dataclass(frozen=True)
class Convexity:
    """Whether the cost is convex, as a function of one part after another."""

    loss: str  # the function that makes it of the outputs
    activation: str  # what the outputs meet before; empty where there is nothing
    outputs: SeenConvexity
    all: SeenConvexity  # of all parameters
    hidden: int  # hidden layers
    output_layer: SeenConvexity | None = None  # of its parameters; None where it is not known


@dataclass(frozen=True)
class RandomUnits:
    """What the output layer reaches alone, on hidden units that stay as they are."""

    cost: float  # of the whole network, as it is
    random: float  # on the hidden units that the run began with
    trained: float  # on those of the point
    is_refuted: bool  # that problem is proved not to be convex


@dataclass(frozen=True)
class BadMinimum:
    """A point whose last rectified units are all off, the rest at its best."""

    layer: str
    cost: float  # there,
    good: float  # and at the point of the run
    gradient_norm: float
    lowest: float  # rise of the cost over random small steps, as a share of it
    tried: int  # such steps
    is_minimum: bool  # no step has lowered it by more than rounding does
    is_bad: bool  # the point of the run costs less


@dataclass(frozen=True)
class Plateau:
    """How the cost, and what it stands for, answer to the gradient and to small random steps."""

    hard_zero: float  # share of the parameters without a gradient, with hard thresholds for hidden activations,
    soft_zero: float  # and as the network is
    smooth_unmoved: float  # share of the steps after which the cost is exactly what it was
    wrong: float | None = None  # share of the examples on the wrong side; None where there are no sides
    wrong_unmoved: float | None = None  # share of the steps after which it is what it was
