"""Facts about symmetries of the loss: permuted units, rescaled layers, memorised labels, sharp minima."""

from dataclasses import dataclass
from typing import NamedTuple

from descend.doctor.record.facts.shown import NetworkSize


@dataclass(frozen=True)
class SymmetryPoint(NetworkSize):
    """The loss at one point of a run, without dropout."""

    loss: float


@dataclass(frozen=True)
class Unanswered:
    """A test of `descend show symmetry` that was not possible, and the reason."""

    question: str  # name of the test, as in the option `--only`
    reason: str  # the reason why the test was not possible


@dataclass(frozen=True)
class PermutedLayer:
    """The effects on the loss of permutations of the units in one hidden layer, or in all."""

    layer: str
    units: int
    log10_orders: float  # decimal logarithm of the number of possible permutations of the units
    cost: float  # the loss at the weights of the run
    difference: float  # largest change of the loss under a random permutation, as a share of the loss
    means: tuple[tuple[int, float], ...]  # pairs (n, loss at the mean of n randomly permuted copies of the weights)
    line: tuple[float, ...]  # losses at equally spaced points on the line between two permuted copies of the weights
    barrier: float  # largest loss on this line, minus the mean of the losses at its ends
    mean: float  # loss at the mean of all possible permuted copies of the weights
    is_symmetric: bool  # whether the permutations leave the loss unchanged
    is_not_convex: bool  # whether a larger loss between permuted copies shows that the loss is not convex


@dataclass(frozen=True)
class Permutations:
    """The effects on the loss of permutations of the hidden units, for each layer."""

    layers: tuple[PermutedLayer, ...]
    left_out: tuple[tuple[str, str], ...]  # pairs (layer, reason) for the layers that were not permuted
    more: int  # number of hidden layers without their own entry in `layers`


@dataclass(frozen=True)
class Scales:
    """The largest Hessian eigenvalue after one layer is multiplied by a factor and the next layer divided by it."""

    layer: str
    largest: tuple[tuple[float, float], ...]  # pairs (factor, largest Hessian eigenvalue)


class Survival(NamedTuple):
    """A measure of sharpness before and after a change of the weights that leaves the function unchanged."""

    measure: str
    before: float
    after: float
    survives: bool  # whether the measure is the same before and after the change


@dataclass(frozen=True)
class Rescaling:
    """The loss and measures of its sharpness before and after one layer is scaled up and the next one down."""

    layer: str
    factor: float
    cost: float
    rescaled_cost: float
    measures: tuple[Survival, ...]


@dataclass(frozen=True)
class Memorising:
    """Results of training on true labels, random labels and random inputs, each from the initial weights."""

    rule: str  # description of the script's optimizer
    costs: dict[str, tuple[float, ...]]  # by training data: the loss before the first epoch and after each epoch
    # by training data: epochs until the loss is 10 % of the initial loss with true labels; None if it never is
    passes: dict[str, int | None]
    wrong: dict[str, float | None]  # by training data: error rate at the end; None without classes


@dataclass(frozen=True)
class BatchSizes:
    """The two batch sizes of a comparison, in examples."""

    small: int
    large: int


@dataclass(frozen=True)
class HalfFitted:
    """Results of training twice on one half of the examples: with small batches and with large batches."""

    sizes: BatchSizes
    small: dict[str, float | int]  # results by name: steps, training loss, held-out loss and measures of sharpness
    large: dict[str, float | int]


@dataclass(frozen=True)
class SharpAndWide:
    """The minima that small and large batches find, for each half of the fixed examples."""

    rule: str  # description of the script's optimizer
    fits: tuple[HalfFitted, ...]
