"""What the hidden units of a script's network hide in its cost: orders, scales, labels, and what is convex or flat."""

from dataclasses import dataclass
from typing import NamedTuple

from descend.doctor.record.facts.shown import Extent


@dataclass(frozen=True)
class SymmetryPoint(Extent):
    """The cost at a point of the run, with dropout off."""

    loss: float


@dataclass(frozen=True)
class Unanswered:
    """A question that could not be answered, and why."""

    question: str  # as `--only` names it
    reason: str


@dataclass(frozen=True)
class PermutedLayer:
    """The cost where the units of a hidden layer, or of all at once, are in other orders."""

    layer: str
    units: int
    log10_orders: float  # logarithm of the number of orders
    cost: float
    difference: float  # the largest of a random order's cost, as a share of the cost
    means: tuple[tuple[int, float], ...]  # cost at the mean of the first so many orders, by their number
    line: tuple[float, ...]  # costs on the way from one order to another, at even steps
    barrier: float  # how far the highest of these lies above both ends' mean
    mean: float  # cost at the mean of all orders
    is_symmetric: bool
    is_not_convex: bool


@dataclass(frozen=True)
class Permutations:
    """The cost in other orders of the hidden units, layer by layer."""

    layers: tuple[PermutedLayer, ...]
    left_out: tuple[tuple[str, str], ...]  # names of layers, and why each was
    more: int  # hidden layers that were not looked at one by one


@dataclass(frozen=True)
class Scales:
    """The same function, one of its layers larger and the next one smaller: how sharp it is."""

    layer: str
    largest: tuple[tuple[float, float], ...]  # factor, and the largest eigenvalue there


class Survival(NamedTuple):
    """A measure of sharpness at two points that compute the same function."""

    measure: str
    before: float
    after: float
    survives: bool  # it is the same at both


@dataclass(frozen=True)
class Rescaling:
    """What the measures of sharpness make of a layer that is larger by a factor, the next one smaller."""

    layer: str
    factor: float
    cost: float
    rescaled_cost: float
    measures: tuple[Survival, ...]


@dataclass(frozen=True)
class Memorising:
    """True labels, random ones and random inputs, each fitted from the weights that the run began with."""

    rule: str  # of the script's optimizer, in words
    costs: dict[str, tuple[float, ...]]  # of each fit, before the first pass and after each
    passes: dict[str, int | None]  # of each, to a tenth of the true labels' first cost; None: not reached
    wrong: dict[str, float | None]  # share of the examples at the end of each; None where there are no sides


@dataclass(frozen=True)
class BatchSizes:
    """Examples in the small batches, and in the large ones, of two fits."""

    small: int
    large: int


@dataclass(frozen=True)
class HalfFitted:
    """One half of the batches fitted by small batches and by large ones: of each its cost and how sharp it is."""

    sizes: BatchSizes
    small: dict[str, float | int]  # steps, training cost, held-out cost and the measures of sharpness, by name
    large: dict[str, float | int]


@dataclass(frozen=True)
class SharpAndWide:
    """Minima that small and large batches come to, for each half of the fixed examples."""

    rule: str  # of the script's optimizer, in words
    fits: tuple[HalfFitted, ...]
