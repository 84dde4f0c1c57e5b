"""Mean and standard deviation of each feature, from one pass over the data.

Chan, Golub & LeVeque 1983 (the pairwise update): the moments of two sets give those of their union, without
the cancellation that sums of squares suffer.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Count, mean, sum of squared deviations and range of each feature, in float64."""

    count: int
    mean: Tensor  # (features,)
    squares: Tensor  # (features,)
    low: Tensor  # (features,)
    high: Tensor  # (features,)

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of both sets together."""
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        squares = self.squares + other.squares + step**2 * (self.count * other.count / count)
        return Moments(count, mean, squares, torch.minimum(self.low, other.low), torch.maximum(self.high, other.high))

    def deviation(self, precision: float) -> Tensor:
        """Return the population's standard deviation of each feature, 1 for a constant one.

        A feature is constant, too, where it varies by less than `precision` of its mean: the relative
        precision of the numbers that it will be computed with.
        """
        deviation = (self.squares / self.count).sqrt()
        is_constant = (self.low == self.high) | (deviation <= precision * self.mean.abs())
        return torch.where(is_constant, torch.ones_like(deviation), deviation)


def measure_moments(rows: Tensor) -> Moments:
    """Return the moments of `rows`, shaped (examples, features); what is NaN or infinite counts as the mean."""
    rows = rows.detach().cpu().double()
    known = rows.isfinite()
    mean = torch.where(known, rows, 0.0).sum(0) / known.sum(0).clamp_min(1)
    rows = torch.where(known, rows, mean)
    return Moments(len(rows), mean, ((rows - mean) ** 2).sum(0), rows.amin(0), rows.amax(0))
