"""The gradient noise scale: how many examples' gradients average to one as large as its own error.

B = tr Σ / |G|² (McCandlish et al. 2018, eq. 2.8): G is the gradient of the whole, Σ the covariance of one example's.
"""

from dataclasses import dataclass
from math import inf, sqrt

from torch import Tensor

from descend.ground.interval import LEVEL, ratio_interval, student
from descend.landscape.gradients import Gradients


def moments(of_one: float, of_all: float, count: int, examples: int) -> tuple[float, float]:
    """Return |G|² and tr Σ without bias (McCandlish et al. 2018, A.2).

    of_one: the mean squared length of `count` gradients of so many `examples` each; of_all: that of their mean.
    """
    every = count * examples
    squared = (every * of_all - examples * of_one) / (every - examples)
    variance = (of_one - of_all) / (1 / examples - 1 / every)
    return squared, variance


@dataclass(frozen=True)
class NoiseScale:
    """|G|², tr Σ and their ratio, in examples.

    covariance: of the two estimates, as (tr Σ, both, |G|²), by leaving out one gradient at a time (Efron & Stein 1981).
    """

    squared: float
    variance: float
    covariance: tuple[float, float, float]
    count: int

    @property
    def value(self) -> float:
        """The noise scale; infinite where the gradient is not above its noise."""
        return self.variance / self.squared if self.squared > 0 else inf

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return its interval for the data that the gradients are a sample of; up to infinity where G may be 0."""
        low, high = ratio_interval(self.variance, self.squared, self.covariance, student(self.count - 1, level))
        return max(low, 0.0), high

    def error(self, size: int) -> float:
        """Return the expected error of a batch's gradient, as a share of the gradient's length."""
        return sqrt(self.value / size)


def noise_scale(sample: Gradients) -> NoiseScale:
    """Return the noise scale from the gradients of some examples or batches. Raises `ValueError` for fewer than 3."""
    n, gram = sample.count, sample.gram
    if n < 3:
        raise ValueError(f"a noise scale with an interval needs 3 gradients at least, not {n}")
    diagonal, total = gram.diagonal(), gram.sum()
    squared, variance = moments(float(diagonal.mean()), float(total) / n**2, n, sample.examples)
    of_one = (diagonal.sum() - diagonal) / (n - 1)
    of_all = (total - 2 * gram.sum(1) + diagonal) / (n - 1) ** 2
    without = [moments(a, b, n - 1, sample.examples) for a, b in zip(of_one.tolist(), of_all.tolist())]
    return NoiseScale(squared, variance, _jackknife(gram.new_tensor(without)), n)


def _jackknife(without: Tensor) -> tuple[float, float, float]:
    off = without - without.mean(0)
    found = (len(off) - 1) / len(off) * (off.T @ off)
    return float(found[1, 1]), float(found[0, 1]), float(found[0, 0])
