"""Mean and standard deviation of each feature in one pass over the data.

The pairwise update of Chan, Golub & LeVeque 1983 combines the moments of two sets without the cancellation of plain
sums of squares.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """The number of examples, and each feature's mean, sum of squared deviations, minimum and maximum, in float64."""

    count: int
    mean: Tensor  # shape (features,)
    squares: Tensor  # shape (features,)
    low: Tensor  # shape (features,)
    high: Tensor  # shape (features,)

    def __add__(self, other: "Moments") -> "Moments":
        """Return the moments of the union of two sets of examples."""
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        squares = self.squares + other.squares + step**2 * (self.count * other.count / count)
        return Moments(count, mean, squares, torch.minimum(self.low, other.low), torch.maximum(self.high, other.high))

    def deviation(self, precision: float) -> Tensor:
        """Return the population standard deviation of each feature; 1 for a constant feature.

        precision: relative precision of later computations. A feature that varies by less than this share of its mean
        counts as constant.
        """
        deviation = (self.squares / self.count).sqrt()
        is_constant = (self.low == self.high) | (deviation <= precision * self.mean.abs())
        return torch.where(is_constant, torch.ones_like(deviation), deviation)


def measure_moments(rows: Tensor) -> Moments:
    """Return the mean and the other moments of each feature of `rows` ``(examples, features)``.

    NaN and infinite values are first replaced by the mean of the feature's finite values.
    """
    rows = rows.detach().cpu().double()
    known = rows.isfinite()
    mean = torch.where(known, rows, 0.0).sum(0) / known.sum(0).clamp_min(1)
    rows = torch.where(known, rows, mean)
    return Moments(len(rows), mean, ((rows - mean) ** 2).sum(0), rows.amin(0), rows.amax(0))
