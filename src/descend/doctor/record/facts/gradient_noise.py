"""Facts about the noise of mini-batch gradients, and about runs with other batch sizes."""

from dataclasses import dataclass
from typing import NamedTuple

from descend.doctor.record.facts.shown import Settings


class Estimate(NamedTuple):
    """An estimated mean or slope, its standard error, and the degrees of freedom of this error."""

    mean: float
    standard_error: float
    freedom: int  # degrees of freedom of the standard error


@dataclass(frozen=True)
class GradientNoise:
    """The squared norm of the mean gradient over the fixed examples, and the variance of single-example gradients."""

    squared: float  # unbiased estimate of |G|², the true gradient's squared norm; may be negative
    variance: float  # variance of one example's gradient, summed over the parameters
    covariance: tuple[
        float, float, float
    ]  # sampling variance of `variance`, covariance of `variance` and `squared`, and sampling variance of `squared`
    count: int  # number of gradients from which the variance is estimated
    examples: int  # number of examples over which each of these gradients is averaged
    why: str  # why each gradient is averaged over several examples; empty if each belongs to one example
    batch_size: int  # the script's batch size
    loader: str  # which data loader returns the batches, as a number in text form; empty without a data loader
    parameters: int
    loss: float  # loss of the fixed examples
    optimizer: Settings  # the optimizer's settings; empty if there is no optimizer


@dataclass(frozen=True)
class BatchVariance:
    """The variance of the batch gradient as a function of the batch size."""

    sizes: tuple[int, ...]  # batch sizes, in examples
    variances: tuple[Estimate, ...]  # variance of the batch gradient at each size, summed over the parameters
    # at each size, the factor that corrects the variance for drawing without replacement from a finite population
    factors: tuple[float, ...]
    single: float  # variance of one example's gradient, summed over the parameters
    population: int  # number of examples from which the batches are drawn
    # exponent of the power law variance ~ size^exponent, fitted to the corrected variances; None for a single size
    exponent: Estimate | None


@dataclass(frozen=True)
class AveragedGradient:
    """The variance of an exponential average of batch gradients, divided by that of a single batch gradient."""

    beta: float
    predicted: float  # this ratio, as theory predicts it for independent batches
    independent: Estimate  # this ratio, measured with independent batches
    dealt: Estimate  # this ratio, measured with batches from shuffled epochs


@dataclass(frozen=True)
class MomentumVariance:
    """The variance of exponential averages of batch gradients, for several decay factors β."""

    averages: tuple[AveragedGradient, ...]


@dataclass(frozen=True)
class GradientBias:
    """A test of whether the batch gradient is an unbiased estimate of the full gradient G."""

    distance: float  # distance between the mean batch gradient and G, in units of |G|
    by_chance: float  # 95th percentile of the distance if the batch gradient is unbiased
    p_value: float
    along: Estimate  # component of the batch gradient along G, in units of |G|
    examples: int  # number of examples over which G is computed


@dataclass(frozen=True)
class BiasUntested:
    """The reason why the bias of the batch gradient was not tested."""

    why: str


@dataclass(frozen=True)
class WeightVariance:
    """The variance of the final weights between short runs of plain SGD on the fixed batches, by learning rate."""

    rates: tuple[float, ...]  # learning rates, in descending order
    variances: tuple[Estimate, ...]  # variance of the final weights between runs, at each learning rate
    predicted: tuple[float, ...]  # this variance, predicted from the batch gradient's variance at the start of the runs
    steps: int  # number of steps at the largest learning rate lr; at lr/n, n times as many steps are taken
    runs: int  # number of runs at each learning rate
    exponent: Estimate  # exponent of the power law variance ~ lr^exponent


@dataclass(frozen=True)
class NoShortRuns:
    """The reason why the variance of the final weights of short runs was not measured."""

    why: str


@dataclass(frozen=True)
class BatchRun:
    """A run of the script with another batch size, which ends when the training loss reaches a target."""

    size: int  # number of examples in a batch
    lr: float  # learning rate of the run; 0 if it is the script's own
    steps: float | None  # number of steps to the target loss; None if the target was not reached
    seconds: float | None  # seconds to the target loss; None if the target was not reached
    step_seconds: float | None
    kept_bytes: int | None  # bytes that the forward pass keeps for the backward pass; None if unknown
    target: float  # the training loss at which the run ends
