"""What kind of point the parameters are at: a minimum, a saddle, a maximum, flat, or no critical point.

Critical is where the gradient cannot be told from 0, by the noise that its batches show or by rounding; the signs of
the curvature tell the kind (Optimization for Training Deep Models 2018, Jacobian matrix and Hessian matrix).
"""

from dataclasses import dataclass
from math import nan, sqrt
from typing import Literal

import torch
from torch import Tensor

from descend.landscape.condition import CHANCE, Definiteness, chance_of_another, definiteness
from descend.landscape.eigenpairs import Ends
from descend.landscape.gradients import gram
from descend.landscape.loss import Loss, Theta
from descend.landscape.sign_flips import EXHAUSTED, chance, flipped_lengths
from descend.landscape.vectors import flat

PointKind = Literal["minimum", "saddle", "maximum", "flat", "degenerate", "undecided", "no critical point"]
KINDS: dict[Definiteness, PointKind] = {
    "positive definite": "minimum",
    "positive semidefinite": "degenerate",
    "indefinite": "saddle",
    "negative semidefinite": "degenerate",
    "negative definite": "maximum",
    "zero": "flat",
}
CURVED = {
    "minimum": "the curvature is positive in every direction",
    "maximum": "the curvature is negative in every direction",
    "saddle": "the curvature has both signs",
    "flat": "no curvature can be told from 0",
    "degenerate": "the curvature has one sign, but cannot be told from 0 everywhere: higher orders decide",
    "undecided": "curvature of one sign was found, but some of the other, or none, would have been missed",
}
FEWEST = 6  # batches: the least p-value of fewer is above 0.05
LEVEL = 0.05


@dataclass(frozen=True)
class CriticalPoint:
    """What kind of point it is, and how that was decided.

    noise: the standard error of the full batch's gradient, over its batches (NaN of one); p_value: the chance of so
    long a gradient where its expectation is 0 (NaN of fewer than 6 batches); floor: the norm that rounding leaves.
    """

    kind: PointKind
    gradient_norm: float
    noise: float
    p_value: float
    floor: float
    lowest: float  # eigenvalue found,
    highest: float

    @property
    def how(self) -> str:
        """The grounds, as a sentence."""
        if self.kind != "no critical point":
            return f"{self._gradient}; {CURVED[self.kind]} (from {self.lowest:.3g} to {self.highest:.3g})"
        return self._gradient

    @property
    def _gradient(self) -> str:
        norm = f"the gradient's norm {self.gradient_norm:.3g}"
        if self.gradient_norm <= self.floor:
            return f"{norm} is within what is taken for 0 ({self.floor:.3g})"
        if self.p_value >= LEVEL:
            return f"{norm} is not told from the noise of its batches ({self.noise:.3g}, p = {self.p_value:.2g})"
        if self.p_value < LEVEL:
            return f"{norm} is above the noise of its batches ({self.noise:.3g}, p = {self.p_value:.2g})"
        return f"{norm} is above {self.floor:.3g}; of fewer than {FEWEST} batches its noise is not known"


def critical_point(loss: Loss, theta: Theta, ends: Ends, tolerance: float | None = None) -> CriticalPoint:
    """Return what kind of point `theta` is.

    tolerance: the gradient's norm that is taken for 0; else what rounding leaves of it. Raises `ValueError` where one
    of the ends of the spectrum is missing.
    """
    products = gram(_groups(loss, theta))
    count = len(products)
    norm = sqrt(max(float(products.sum()), 0.0)) / count
    scatter = float(products.trace()) / count - norm**2
    noise = sqrt(max(scatter, 0.0) / (count - 1)) if count > 1 else nan
    p_value = chance(flipped_lengths(products)) if count >= FEWEST else nan
    floor = _floor(theta, ends, products) if tolerance is None else tolerance
    is_critical = norm <= floor or p_value >= LEVEL
    signs = definiteness(ends)
    is_certain = chance_of_another(ends, signs) <= CHANCE
    kind = (KINDS[signs] if is_certain else "undecided") if is_critical else "no critical point"
    return CriticalPoint(kind, norm, noise, p_value, floor, ends.bottom[0].value, ends.top[0].value)


def _groups(loss: Loss, theta: Theta) -> Tensor:
    """Return the gradient of each part, or of groups of parts, as rows whose mean is the whole's."""
    count = min(EXHAUSTED, len(loss.parts))
    groups = [loss.parts[k::count] for k in range(count)]
    return torch.stack([flat(Loss(g).gradient(theta)) * (len(g) * count / len(loss.parts)) for g in groups])


def _floor(theta: Theta, ends: Ends, products: Tensor) -> float:
    """Return the gradient's norm that the rounding of the parameters, and of the sum over batches, leaves."""
    precision = max(torch.finfo(t.dtype).eps for t in theta)
    longest = sqrt(float(products.diagonal().max()))
    return ends.zero * float(flat(theta).double().norm()) + precision * longest
