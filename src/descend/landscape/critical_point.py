"""What kind of point the parameters are at: a minimum, a saddle, a maximum, flat, or no critical point.

The gradient decides whether a point is critical; the signs of the curvature then decide its kind (Optimization for
Training Deep Models 2018, Jacobian matrix and Hessian matrix). The parts of a cost are a sample, so its gradient has
noise. A gradient that does not differ from 0 by that noise need not be 0: absence of evidence is not evidence of
absence (Altman & Bland 1995). The point is critical only where the noise also excludes every gradient that matters,
which is an equivalence test (Schuirmann 1987). A gradient matters where the decrease of the cost that one step of
gradient descent is certain of, |G|²/(2λmax) (Nesterov 2004, §1.2.3), exceeds the standard error of the cost. Where the
noise excludes neither a gradient of 0 nor one that matters, these parts cannot tell.
"""

from dataclasses import dataclass
from math import nan, sqrt
from typing import Literal

import torch
from torch import Tensor

from descend.ground.bound import Bound, Count
from descend.landscape.condition import CHANCE, Definiteness, chance_of_another, definiteness
from descend.landscape.eigenpairs import Ends
from descend.landscape.gradients import gram
from descend.landscape.loss import Loss, Theta
from descend.landscape.sign_flips import EXHAUSTED, chance, flipped_lengths
from descend.landscape.vectors import flat

PointKind = Literal[
    "minimum", "saddle", "maximum", "flat", "degenerate", "undecided", "cannot tell", "no critical point"
]
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
FEWEST = Count(6, "batches", "of fewer, the least p-value that choices of signs can give is above 0.05")
LEVEL = Bound(0.05, "chance of an error of the first kind", "the convention (Lehmann & Romano 2005)")


@dataclass(frozen=True)
class CriticalPoint:
    """What kind of point it is, and how that was decided.

    noise: the standard error of the full batch's gradient, over its batches (NaN of one). p_value: the chance of so
    long a gradient where its expectation is 0 (NaN of fewer than 6 batches). floor: the norm that is taken for 0.
    longest: the longest gradient that the noise allows for at 95 % (NaN of fewer than 6 batches). negligible: the
    longest gradient whose certain decrease of the cost is within the cost's standard error, or `floor`.
    """

    kind: PointKind
    gradient_norm: float
    noise: float
    p_value: float
    floor: float
    longest: float
    negligible: float
    lowest: float  # eigenvalue found,
    highest: float

    @property
    def how(self) -> str:
        """The grounds, as a sentence."""
        if self.kind in ("no critical point", "cannot tell"):
            return self._gradient
        return f"{self._gradient}; {CURVED[self.kind]} (from {self.lowest:.3g} to {self.highest:.3g})"

    @property
    def _gradient(self) -> str:
        norm = f"the gradient's norm {self.gradient_norm:.3g}"
        noise = f"the noise of its batches ({self.noise:.3g}, p = {self.p_value:.2g})"
        if self.gradient_norm <= self.floor:
            return f"{norm} is within what is taken for 0 ({self.floor:.3g})"
        if self.p_value < LEVEL:
            return f"{norm} is above {noise}"
        if self.p_value >= LEVEL:
            makes_a_difference = self.longest > self.negligible
            end = "which matters to the cost: use more examples" if makes_a_difference else "too short to matter"
            limit = f"(limit: {self.negligible:.3g})"
            return f"{norm} does not differ from 0 by {noise}; at 95 % it is at most {self.longest:.3g} {limit}, {end}"
        return f"{norm} is above {self.floor:.3g} on these examples; fewer than {FEWEST} batches do not show its noise"


def critical_point(loss: Loss, theta: Theta, ends: Ends, tolerance: float | None = None) -> CriticalPoint:
    """Return what kind of point `theta` is.

    tolerance: the gradient's norm that is taken for 0. By default that is what rounding leaves of it, or what makes no
    difference to the cost. Raises `ValueError` where one of the ends of the spectrum is missing.
    """
    products = gram(_groups(loss, theta))
    count = len(products)
    norm = sqrt(max(float(products.sum()), 0.0)) / count
    scatter = float(products.trace()) / count - norm**2
    noise = sqrt(max(scatter, 0.0) / (count - 1)) if count > 1 else nan
    is_tested = count >= FEWEST
    p_value = chance(flipped_lengths(products)) if is_tested else nan
    longest = norm + _error(products) if is_tested else nan
    floor = _floor(theta, ends, products) if tolerance is None else tolerance
    negligible = max(floor, _negligible(loss, theta, ends)) if tolerance is None else floor
    is_critical = norm <= floor or (p_value >= LEVEL and longest <= negligible)
    signs = definiteness(ends)
    is_certain = chance_of_another(ends, signs) <= CHANCE
    kind: PointKind = "cannot tell" if p_value >= LEVEL else "no critical point"
    if is_critical:
        kind = KINDS[signs] if is_certain else "undecided"
    found = ends.bottom[0].value, ends.top[0].value
    return CriticalPoint(kind, norm, noise, p_value, floor, longest, negligible, *found)


def _error(products: Tensor) -> float:
    """Return the length of the mean gradient's error that is exceeded in 1 of 20 choices of signs of the deviations."""
    count = len(products)
    centred = products - products.mean(0)
    lengths = flipped_lengths(centred - centred.mean(1, keepdim=True))
    # The deviations from the sample's own mean are shorter than the errors by √((n − 1)/n).
    return sqrt(float(lengths.quantile(1 - LEVEL)) * count / (count - 1)) / count


def _negligible(loss: Loss, theta: Theta, ends: Ends) -> float:
    """Return the gradient's norm at which |G|²/(2λmax) is the standard error of the cost over its batches."""
    values = torch.tensor([Loss((part,)).value(theta) for part in loss.parts], dtype=torch.float64)
    steepest = max(ends.top[0].value, 0.0)
    if len(values) < 2 or not steepest:
        return 0.0
    return sqrt(2 * steepest * float(values.std()) / sqrt(len(values)))


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
