"""Compute the gradient noise scale: the batch size at which the gradient's error is as large as the gradient.

B = tr Σ / |G|² (McCandlish et al. 2018, eq. 2.8), with the full gradient G and the covariance Σ of example gradients.
"""

from dataclasses import dataclass
from math import inf, sqrt

from torch import Tensor

from descend.core.interval import LEVEL, ratio_interval, student_quantile
from descend.landscape.gradients import Gradients


def unbiased_moments(of_one: float, of_all: float, count: int, examples: int) -> tuple[float, float]:
    """Return unbiased estimates of |G|² and tr Σ, for the full gradient G and the covariance Σ of example gradients.

    of_one: the mean squared norm of `count` gradients, each over `examples` examples. of_all: the squared norm of the
    mean gradient.
    """
    every = count * examples
    squared = (every * of_all - examples * of_one) / (every - examples)
    variance = (of_one - of_all) / (1 / examples - 1 / every)
    return squared, variance


@dataclass(frozen=True)
class NoiseScale:
    """The gradient noise scale, with estimates of the squared gradient norm and the gradient variance tr Σ.

    squared: |G|². variance: tr Σ. covariance: variance of tr Σ, covariance of both, variance of |G|², by the jackknife
    (Efron & Stein 1981).
    """

    squared: float
    variance: float
    covariance: tuple[float, float, float]
    count: int

    @property
    def value(self) -> float:
        """Return the noise scale in examples; infinite if the estimate of |G|² is not positive."""
        return self.variance / self.squared if self.squared > 0 else inf

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the confidence interval of the noise scale. Its upper end is infinite if the gradient may be 0."""
        low, high = ratio_interval(
            self.variance, self.squared, self.covariance, student_quantile(self.count - 1, level)
        )
        return max(low, 0.0), high

    def error(self, size: int) -> float:
        """Return the standard error of the mean gradient of `size` examples, as a fraction of the gradient norm."""
        return sqrt(self.value / size)


def noise_scale(sample: Gradients) -> NoiseScale:
    """Return the gradient noise scale, from gradients of examples or batches.

    Parameters
    ----------
    sample : Gradients
        The gradients of examples or batches.

    Returns
    -------
    NoiseScale
        The noise scale, in examples, with its interval.

    Raises
    ------
    ValueError
        For fewer than 3.
    """
    n, gram = sample.count, sample.gram
    if n < 3:
        raise ValueError(f"a noise scale with an interval needs at least 3 gradients, not {n}")
    diagonal, total = gram.diagonal(), gram.sum()
    squared, variance = unbiased_moments(float(diagonal.mean()), float(total) / n**2, n, sample.examples)
    of_one = (diagonal.sum() - diagonal) / (n - 1)
    of_all = (total - 2 * gram.sum(1) + diagonal) / (n - 1) ** 2
    without = [unbiased_moments(a, b, n - 1, sample.examples) for a, b in zip(of_one.tolist(), of_all.tolist())]
    return NoiseScale(squared, variance, _jackknife(gram.new_tensor(without)), n)


def _jackknife(without: Tensor) -> tuple[float, float, float]:
    """Return the variances and the covariance of two estimates by the jackknife, which leaves out each gradient once.

    without: the values, ``(gradients, 2)``.
    """
    off = without - without.mean(0)
    found = (len(off) - 1) / len(off) * (off.T @ off)
    return float(found[1, 1]), float(found[0, 1]), float(found[0, 0])
