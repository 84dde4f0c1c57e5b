"""Fit straight lines to measured points, with confidence intervals for the slopes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import torch
from torch import Tensor

from descend.core.interval import LEVEL, ratio_interval, student_quantile
from descend.landscape.spectrum import Estimate

ROUNDS = 50  # number of repetitions of the fit with new weights


@dataclass(frozen=True)
class Line:
    """The straight line y ≈ intercept + slope·x, fitted by least squares.

    covariance: variance of the intercept, covariance of both, variance of the slope.
    freedom: degrees of freedom of the covariance.
    """

    intercept: float
    slope: float
    covariance: tuple[float, float, float]
    freedom: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the confidence interval of the slope from Student's t distribution."""
        half = student_quantile(self.freedom, level) * sqrt(self.covariance[2])
        return self.slope - half, self.slope + half

    def ratio_interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the confidence interval of the ratio slope / intercept, without its part below 0."""
        low, high = ratio_interval(
            self.slope, self.intercept, self.covariance[::-1], student_quantile(self.freedom, level)
        )
        return max(low, 0.0), high


def fit_line(x: Sequence[float], y: Sequence[float], weights: Sequence[float] | None = None) -> Line:
    """Fit a straight line y ≈ intercept + slope·x by least squares, with a covariance from the residuals.

    Raises `ValueError` for fewer than 3 points, or if all points have the same x.
    """
    if len(x) != len(y) or len(x) < 3 or len(set(x)) < 2:
        raise ValueError(f"a line needs at least 3 points with 2 different x, not {len(x)} points with {len(set(x))}")
    found, inverse, squares = _least_squares(x, y, weights or [1.0] * len(x))
    return _line_from_coefficients(found, squares / (len(x) - 2) * inverse, len(x) - 2)


def fit_power_law(x: Sequence[float], y: Sequence[Estimate]) -> Line:
    """Fit a straight line to log y against log x; its slope is the exponent of a power law.

    y: means of independent samples, whose standard errors give the covariance. Raises `ValueError` for fewer than 2
    values of x, or values that are not positive.
    """
    if len(set(x)) < 2 or min(x) <= 0 or min(v.value for v in y) <= 0:
        raise ValueError("an exponent needs positive values at 2 or more values of x")
    design, values = _design_matrix([log(v) for v in x]), torch.tensor([log(v.value) for v in y], dtype=torch.float64)
    # The fit has no weights, because 1/error² would favour means that are too small by chance.
    solving = torch.linalg.pinv(design)
    errors = torch.tensor([v.standard_error / v.value for v in y], dtype=torch.float64)
    return _line_from_coefficients(
        solving @ values, (solving * errors.square()) @ solving.T, sum(len(v.samples) - 1 for v in y)
    )


def fit_relative_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """Fit a straight line to points whose errors are proportional to y, by reweighted least squares.

    Each repetition of the fit uses the weights 1 / (fitted y)².

    Raises `ValueError` if a y is not positive.
    """
    if min(y) <= 0:
        raise ValueError(f"a line with relative errors needs positive values of y, not {min(y):g}")
    scale = list(y)
    for _ in range(ROUNDS):
        found = fit_line(x, y, [s**-2 for s in scale])
        scale = [max(found.intercept + found.slope * a, 0.01 * b) for a, b in zip(x, y)]
    return found


def _least_squares(x: Sequence[float], y: Sequence[float], weights: Sequence[float]) -> tuple[Tensor, Tensor, float]:
    """Fit a line by weighted least squares.

    Returns intercept and slope ``(2,)``, (XᵀWX)⁻¹ ``(2, 2)``, and the weighted sum of squared residuals.
    """
    design = _design_matrix(x)
    w, values = torch.tensor(weights, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    inverse = torch.linalg.inv(design.T @ (w[:, None] * design))
    found = inverse @ (design.T @ (w * values))
    return found, inverse, float((w * (values - design @ found).square()).sum())


def _design_matrix(x: Sequence[float]) -> Tensor:
    """Return the design matrix of a line fit: a column of ones and a column of x, ``(points, 2)``."""
    places = torch.tensor(x, dtype=torch.float64)
    return torch.stack([torch.ones_like(places), places], 1)


def _line_from_coefficients(found: Tensor, covariance: Tensor, freedom: int) -> Line:
    """Return a `Line` from intercept and slope ``(2,)`` and their covariance ``(2, 2)``."""
    each = float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])
    return Line(float(found[0]), float(found[1]), each, freedom)
