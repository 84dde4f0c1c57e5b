"""What was seen of how a script's batches' gradients scatter, and of runs with batches of other sizes."""

from dataclasses import dataclass
from typing import NamedTuple

from descend.doctor.record.facts.shown import Settings


class Estimate(NamedTuple):
    """A mean, or a slope, and what its interval is made of."""

    mean: float
    standard_error: float
    freedom: int  # degrees of freedom


@dataclass(frozen=True)
class GradientNoise:
    """The gradient over the fixed examples, and its variance from one example to another."""

    squared: float  # |G|² of the gradient that they are a sample of; may be below 0
    variance: float  # of one example's gradient, summed over the parameters
    covariance: tuple[float, float, float]  # of both estimates: of the variance, of both, of the square
    count: int  # gradients in the sample,
    examples: int  # each the mean over so many
    why: str  # they are of several examples; empty where they are of one
    batch_size: int  # the script's own
    loader: str  # key of the loader that its batches come from; empty where there is none
    parameters: int
    loss: float  # of the fixed examples
    optimizer: Settings  # empty where there is none


@dataclass(frozen=True)
class BatchVariance:
    """How the variance of a batch's gradient falls with its size."""

    sizes: tuple[int, ...]  # examples
    variances: tuple[Estimate, ...]  # at each size, summed over the parameters
    factors: tuple[float, ...]  # by which it is smaller at each, as a batch is dealt without replacement
    single: float  # variance of one example
    population: int  # examples that they are dealt from
    exponent: Estimate | None  # of the variance in the size, those factors taken out; None of a single size


@dataclass(frozen=True)
class AveragedGradient:
    """What a running mean of gradients leaves of their variance, as a share of a single batch's."""

    beta: float
    predicted: float  # of independent batches
    independent: Estimate
    dealt: Estimate  # out of shuffled epochs


@dataclass(frozen=True)
class MomentumVariance:
    """How the variance of a running mean of gradients falls with its β."""

    averages: tuple[AveragedGradient, ...]


@dataclass(frozen=True)
class GradientBias:
    """The test of whether a batch's gradient is right on average."""

    distance: float  # of the batches' mean from G, in lengths of G
    by_chance: float  # that it stays below in 95 of 100 where batches are unbiased
    p_value: float
    along: Estimate  # part of a batch's gradient along G, in lengths of G
    examples: int  # of the dataset, over which G is


@dataclass(frozen=True)
class BiasUntested:
    """Whether a batch's gradient is right on average was not tested."""

    why: str


@dataclass(frozen=True)
class WeightVariance:
    """How far short runs of plain SGD on the fixed batches spread, by their learning rate."""

    rates: tuple[float, ...]  # largest first
    variances: tuple[Estimate, ...]  # of the weights at the end, at each rate
    predicted: tuple[float, ...]  # where the gradient stays as it is, at each rate
    steps: int  # at the largest rate; half the rate takes twice as many
    runs: int  # at each rate
    exponent: Estimate  # of the variance in the rate


@dataclass(frozen=True)
class NoShortRuns:
    """No short runs were made."""

    why: str


@dataclass(frozen=True)
class BatchRun:
    """The script run again with batches of one size, to a training loss."""

    size: int  # examples in a batch
    lr: float  # 0 where it is the script's own
    steps: float | None  # to the target; None where it was not reached
    seconds: float | None  # of these steps
    step_seconds: float | None
    kept_bytes: int | None  # by the forward pass for the backward one; None where they are not known
    target: float  # the training loss
