"""Straight lines through measured points, and intervals for their slopes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import torch
from torch import Tensor

from descend.ground.interval import LEVEL, ratio_interval, student
from descend.landscape.spectrum import Estimate

ROUNDS = 50  # of weighing anew


@dataclass(frozen=True)
class Line:
    """y ≈ intercept + slope·x by least squares.

    covariance: of intercept and slope, as (intercept, both, slope); freedom: on which it rests.
    """

    intercept: float
    slope: float
    covariance: tuple[float, float, float]
    freedom: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return Student's interval of the slope."""
        half = student(self.freedom, level) * sqrt(self.covariance[2])
        return self.slope - half, self.slope + half

    def ratio_interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of slope / intercept, at least 0."""
        low, high = ratio_interval(self.slope, self.intercept, self.covariance[::-1], student(self.freedom, level))
        return max(low, 0.0), high


def line(x: Sequence[float], y: Sequence[float], weights: Sequence[float] | None = None) -> Line:
    """Return the line through some points; its errors are told by how far these lie from it.

    Raises `ValueError` for fewer than 3 points, or all at one x.
    """
    if len(x) != len(y) or len(x) < 3 or len(set(x)) < 2:
        raise ValueError(f"a line with an interval needs 3 points at 2 places at least, not {len(x)} at {len(set(x))}")
    found, inverse, squares = _least_squares(x, y, weights or [1.0] * len(x))
    return _line(found, squares / (len(x) - 2) * inverse, len(x) - 2)


def exponent(x: Sequence[float], y: Sequence[Estimate]) -> Line:
    """Return the line through log y against log x, whose slope is the exponent; y are means of independent samples.

    Its errors are those of the means. Raises `ValueError` for fewer than 2 places or values of 0.
    """
    if len(set(x)) < 2 or min(x) <= 0 or min(v.value for v in y) <= 0:
        raise ValueError("an exponent needs values above 0, at 2 places or more")
    design, values = _design([log(v) for v in x]), torch.tensor([log(v.value) for v in y], dtype=torch.float64)
    solving = torch.linalg.pinv(design)  # equal weights: those of measured errors would favour what came out too small
    errors = torch.tensor([v.standard_error / v.value for v in y], dtype=torch.float64)
    return _line(solving @ values, (solving * errors.square()) @ solving.T, sum(len(v.samples) - 1 for v in y))


def relative_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """Return the line whose errors are alike as shares of y, by weighing anew with what was fitted.

    Raises `ValueError`.
    """
    if min(y) <= 0:
        raise ValueError(f"shares of a value need it positive, not {min(y):g}")
    scale = list(y)
    for _ in range(ROUNDS):
        found = line(x, y, [s**-2 for s in scale])
        scale = [max(found.intercept + found.slope * a, 0.01 * b) for a, b in zip(x, y)]
    return found


def _least_squares(x: Sequence[float], y: Sequence[float], weights: Sequence[float]) -> tuple[Tensor, Tensor, float]:
    """Return intercept and slope, (XᵀWX)⁻¹, and the weighted sum of squares that is left."""
    design = _design(x)
    w, values = torch.tensor(weights, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    inverse = torch.linalg.inv(design.T @ (w[:, None] * design))
    found = inverse @ (design.T @ (w * values))
    return found, inverse, float((w * (values - design @ found).square()).sum())


def _design(x: Sequence[float]) -> Tensor:
    places = torch.tensor(x, dtype=torch.float64)
    return torch.stack([torch.ones_like(places), places], 1)


def _line(found: Tensor, covariance: Tensor, freedom: int) -> Line:
    each = float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])
    return Line(float(found[0]), float(found[1]), each, freedom)
