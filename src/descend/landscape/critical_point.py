"""Classify the parameters as a minimum, saddle point, maximum, flat point, or no critical point.

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

from descend.core.bound import Bound, Count
from descend.landscape.condition import CHANCE, Definiteness, chance_of_missed_eigenvalue, definiteness
from descend.landscape.eigenpairs import Ends
from descend.landscape.gradients import gram
from descend.landscape.loss import Loss, Theta
from descend.landscape.sign_flips import EXHAUSTED, flipped_lengths, p_value_of_first
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
    "flat": "no curvature differs from 0 by more than rounding",
    "degenerate": "the curvature has one sign, but it may be 0 in some directions, where higher derivatives decide",
    "undecided": "only curvature of one sign was found, but the search may have missed other curvature",
}
FEWEST = Count(6, "batches", "with fewer batches, the p-value of a sign flip test cannot be below 0.05")
LEVEL = Bound(0.05, "probability of a type I error", "0.05 is the conventional level (Lehmann & Romano 2005)")


@dataclass(frozen=True)
class CriticalPoint:
    """The kind of a point in parameter space, such as a minimum or a saddle, and the evidence for it.

    Parameters
    ----------
    kind : str
        The kind of the point, such as "minimum" or "saddle".
    gradient_norm : float
        The norm of the gradient of the whole loss.
    noise : float
        The standard error of the full batch's gradient, over its batches. NaN for a single batch.
    p_value : float
        The chance of so long a gradient where its expectation is 0. NaN for fewer than 6 batches.
    floor : float
        A gradient norm up to this counts as 0.
    longest : float
        The longest gradient that the noise allows for at 95 %. NaN for fewer than 6 batches.
    negligible : float
        The longest gradient whose certain decrease of the cost is within the cost's standard error, or `floor`.
    lowest : float
        The smallest eigenvalue that was found.
    highest : float
        The largest eigenvalue that was found.
    """

    kind: PointKind
    gradient_norm: float
    noise: float
    p_value: float
    floor: float
    longest: float
    negligible: float
    lowest: float  # smallest eigenvalue found
    highest: float  # largest eigenvalue found

    @property
    def how(self) -> str:
        """Return the evidence for the kind of critical point as a sentence."""
        if self.kind in ("no critical point", "cannot tell"):
            return self._gradient_message
        return f"{self._gradient_message}; {CURVED[self.kind]} (from {self.lowest:.3g} to {self.highest:.3g})"

    @property
    def _gradient_message(self) -> str:
        """Return a phrase that says whether the gradient norm differs from 0, and why."""
        norm = f"the gradient norm {self.gradient_norm:.3g}"
        noise = f"the gradient noise of the batches ({self.noise:.3g}, p = {self.p_value:.2g})"
        if self.gradient_norm <= self.floor:
            return f"{norm} counts as 0 (limit: {self.floor:.3g})"
        if self.p_value < LEVEL:
            return f"{norm} exceeds {noise}"
        if self.p_value >= LEVEL:
            makes_a_difference = self.longest > self.negligible
            end = (
                "which can affect the loss (use more examples)"
                if makes_a_difference
                else "which is too small to matter"
            )
            most = f"with 95 % confidence, the norm is at most {self.longest:.3g} (limit: {self.negligible:.3g})"
            return f"{norm} may be caused by {noise}; {most}, {end}"
        unknown = f"with fewer than {FEWEST} batches, the gradient noise is unknown"
        return f"{norm} exceeds the limit of {self.floor:.3g} on these examples; {unknown}"


def critical_point(loss: Loss, theta: Theta, ends: Ends, tolerance: float | None = None) -> CriticalPoint:
    """Classify the parameters `theta` as a minimum, saddle point, maximum or no critical point, with the evidence.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters.
    ends : Ends
        The largest and the smallest eigenpairs of the Hessian at `theta`.
    tolerance : float, optional
        A gradient norm up to this counts as 0. Default: a gradient counts as 0 if rounding can cause it, or if it makes
        no difference to the loss.

    Returns
    -------
    CriticalPoint
        The kind of the point, and the evidence.

    Raises
    ------
    ValueError
        If `ends` has no largest or no smallest eigenpair.
    """
    products = gram(_group_gradients(loss, theta))
    count = len(products)
    norm = sqrt(max(float(products.sum()), 0.0)) / count
    scatter = float(products.trace()) / count - norm**2
    noise = sqrt(max(scatter, 0.0) / (count - 1)) if count > 1 else nan
    is_tested = count >= FEWEST
    p_value = p_value_of_first(flipped_lengths(products)) if is_tested else nan
    longest = norm + _error_quantile(products) if is_tested else nan
    floor = _rounding_norm(theta, ends, products) if tolerance is None else tolerance
    negligible = max(floor, _negligible_norm(loss, theta, ends)) if tolerance is None else floor
    is_critical = norm <= floor or (p_value >= LEVEL and longest <= negligible)
    signs = definiteness(ends)
    is_certain = chance_of_missed_eigenvalue(ends, signs) <= CHANCE
    kind: PointKind = "cannot tell" if p_value >= LEVEL else "no critical point"
    if is_critical:
        kind = KINDS[signs] if is_certain else "undecided"
    found = ends.bottom[0].value, ends.top[0].value
    return CriticalPoint(kind, norm, noise, p_value, floor, longest, negligible, *found)


def _error_quantile(products: Tensor) -> float:
    """Return the 95 % quantile of the mean gradient's error, estimated by random sign flips of the deviations.

    products: inner products of the gradients, ``(gradients, gradients)``.
    """
    count = len(products)
    centred = products - products.mean(0)
    lengths = flipped_lengths(centred - centred.mean(1, keepdim=True))
    # The deviations from the sample's own mean are shorter than the errors by √((n − 1)/n).
    return sqrt(float(lengths.quantile(1 - LEVEL)) * count / (count - 1)) / count


def _negligible_norm(loss: Loss, theta: Theta, ends: Ends) -> float:
    """Return the gradient norm |G| at which |G|²/(2λmax) equals the standard error of the loss over its batches."""
    values = torch.tensor([Loss((part,)).value(theta) for part in loss.parts], dtype=torch.float64)
    steepest = max(ends.top[0].value, 0.0)
    if len(values) < 2 or not steepest:
        return 0.0
    return sqrt(2 * steepest * float(values.std()) / sqrt(len(values)))


def _group_gradients(loss: Loss, theta: Theta) -> Tensor:
    """Return the gradients of groups of batches as rows whose mean is the full gradient, ``(groups, parameters)``."""
    count = min(EXHAUSTED, len(loss.parts))
    groups = [loss.parts[k::count] for k in range(count)]
    return torch.stack([flat(Loss(g).gradient(theta)) * (len(g) * count / len(loss.parts)) for g in groups])


def _rounding_norm(theta: Theta, ends: Ends, products: Tensor) -> float:
    """Return the gradient norm that rounding errors in the parameters and in the sum over batches can cause."""
    precision = max(torch.finfo(t.dtype).eps for t in theta)
    longest = sqrt(float(products.diagonal().max()))
    return ends.zero * float(flat(theta).double().norm()) + precision * longest
