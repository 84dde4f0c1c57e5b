"""Measure the sharpness of a minimum, and test which measures depend on the scale of the weights.

In a ReLU network, multiplying one layer's weights by a number and dividing the next layer's by it leaves the loss
unchanged, but changes its curvature (Dinh et al. 2017, theorem 4).
"""

from dataclasses import dataclass
from statistics import fmean

import torch

from descend.landscape.directions import filter_normalised
from descend.landscape.eigenpairs import ends
from descend.landscape.hidden import Hidden, scaled
from descend.landscape.krylov import mean_product
from descend.landscape.lanczos import top_eigenpair
from descend.landscape.loss import Hessian, Loss, Theta
from descend.landscape.outputs import LossOfOutputs
from descend.landscape.vectors import flat, normal_like, shaped, signs_like

BOX = 1e-3  # relative size ε of the box in which the loss is maximised (Keskar et al. 2017)
ASCENT_STEPS = 20  # number of gradient steps in the search for the largest loss in the box
RADIUS = 0.1  # length of a step along filter-normalised directions: a tenth of the norm of each filter
DIRECTIONS = 16  # number of random directions
PRODUCTS = 60  # largest number of Hessian-vector products for the adaptive curvature
SAME = 0.02  # largest relative change of a measure that counts as unchanged


def box_sharpness(loss: Loss, theta: Theta, box: float = BOX, steps: int = ASCENT_STEPS) -> float:
    """Return the largest rise of the loss, in % of 1 + loss, if each parameter x changes by up to box·(|x| + 1).

    The measure is metric 2.1 of Keskar et al. 2017. Sign gradient ascent finds it, so the result is a lower bound.
    """
    reach = [box * (t.detach().abs() + 1) for t in theta]
    start, at = [t.detach() for t in theta], [t.detach() for t in theta]
    cost = highest = loss.value(start)
    for _ in range(steps):
        gradient = loss.gradient(at)
        moved = [t + 2.5 / steps * r * g.sign() for t, r, g in zip(at, reach, gradient)]
        at = [torch.maximum(torch.minimum(m, s + r), s - r) for m, s, r in zip(moved, start, reach)]
        highest = max(highest, loss.value(at))
    return 100 * (highest - cost) / (1 + cost)


def adaptive_curvature(hessian: Hessian, theta: Theta) -> float:
    """Return the largest curvature of the loss for relative changes of the parameters θ.

    It is the largest eigenvalue of diag |θ| H diag |θ|, the quadratic form of adaptive sharpness (Kwon et al. 2021,
    with T_θ = diag |θ|).
    """
    inverse = [t.detach().square().reciprocal() for t in theta]
    start = shaped(normal_like(flat(theta)), theta)
    return top_eigenpair(hessian, start, preconditioner=inverse, iterations=PRODUCTS).value


def relative_flatness(hessian: Hessian, theta: Theta, index: int, samples: int = DIRECTIONS) -> float:
    """Return the relative flatness Σ ⟨w_s, w_t⟩ tr H_st of a weight matrix: a sum over its units s and t.

    The measure of Petzka et al. 2021 is the trace of (W ⊗ 1)ᵀ H (W ⊗ 1), estimated with random signs. index: number of
    the weight matrix in `theta`. Raises `ValueError` if that parameter has fewer than two dimensions.
    """
    weight = theta[index].detach()
    if weight.ndim < 2:
        raise ValueError(f"relative flatness needs a weight matrix, not a tensor of {weight.ndim} dimensions")
    rows = weight.flatten(1)
    found = []
    for seed in range(samples):
        signs = signs_like(rows.new_empty(rows.shape[1] ** 2), seed).view(rows.shape[1], rows.shape[1])
        direction = [torch.zeros_like(t) for t in theta]
        direction[index] = (rows @ signs).view_as(weight)
        row = flat(direction)
        found.append(float(row @ mean_product(hessian, row, theta)))
    return fmean(found)


def fisher_rao_norm(loss: LossOfOutputs, theta: Theta) -> float:
    """Return the squared Fisher–Rao norm θᵀ F θ (Liang et al. 2019), with the Gauss–Newton matrix as F.

    The two matrices are the same for cross-entropy and squared error (Martens 2020).
    """
    vector = [t.detach() for t in theta]
    return fmean(part.gauss_newton_form(theta, vector) for part in loss.judged)


def filter_normalised_rise(loss: Loss, theta: Theta, radius: float = RADIUS, directions: int = DIRECTIONS) -> float:
    """Return the mean rise of the loss after steps in filter-normalised directions (Li et al. 2018, §4)."""
    cost = loss.value(theta)
    rises = []
    for seed in range(directions):
        drawn = filter_normalised(shaped(normal_like(flat(theta), seed), theta), theta)
        moved = [t.detach() + radius * d for t, d in zip(theta, drawn)]
        rises.append(loss.value(moved) - cost)
    return fmean(rises)


@dataclass(frozen=True)
class Survival:
    """The value of one measure of sharpness before and after a rescaling that leaves the function unchanged."""

    measure: str
    before: float
    after: float

    @property
    def survives(self) -> bool:
        """Return whether the rescaling leaves the measure of sharpness the same, up to 2 %."""
        return abs(self.after - self.before) <= SAME * max(abs(self.before), abs(self.after))


@dataclass(frozen=True)
class Rescaling:
    """The loss and the measures of sharpness before and after a layer is rescaled by a factor."""

    factor: float
    cost: float
    rescaled_cost: float
    measures: tuple[Survival, ...]


def measures(loss: Loss, theta: Theta) -> dict[str, float]:
    """Return all measures of sharpness of the loss at `theta`, by name.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters.

    Returns
    -------
    dict of str to float
        The measures. The Fisher–Rao norm is only included for a `LossOfOutputs`.

    Raises
    ------
    CurvatureUnavailable
        If the loss cannot be differentiated twice.
    """
    hessian = loss.hessian(theta)
    matrices = [k for k, t in enumerate(theta) if t.ndim > 1]
    found = {
        "largest eigenvalue": ends(hessian, theta, top=1, bottom=0, tolerance=1e-3).top[0].value,
        "trace": trace(hessian, theta),
        f"rise in a box of {BOX:g} (Keskar)": box_sharpness(loss, theta),
        "adaptive largest eigenvalue (Kwon)": adaptive_curvature(hessian, theta),
        "relative flatness (Petzka)": sum(relative_flatness(hessian, theta, k) for k in matrices),
        f"filter-normalised rise at {RADIUS:g} (Li)": filter_normalised_rise(loss, theta),
    }
    if isinstance(loss, LossOfOutputs):
        found["Fisher–Rao norm, squared (Liang)"] = fisher_rao_norm(loss, theta)
    return found


def trace(hessian: Hessian, theta: Theta, samples: int = DIRECTIONS) -> float:
    """Return an estimate of the trace of the Hessian from random sign vectors (Hutchinson 1990)."""
    rows = [signs_like(flat(theta), seed) for seed in range(samples)]
    return fmean(float(row @ mean_product(hessian, row, theta)) for row in rows)


def rescaling(
    loss: Loss,
    theta: Theta,
    hidden: Hidden,
    factor: float,
) -> Rescaling:
    """Compare all measures of sharpness before and after the units of a layer are scaled by `factor`.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters.
    hidden : Hidden
        The units of the layer.
    factor : float
        The number that multiplies the incoming weights and divides the outgoing ones.

    Returns
    -------
    Rescaling
        The loss and the measures before and after.

    Raises
    ------
    ValueError
        If the units are not homogeneous.
    CurvatureUnavailable
        If the loss has no curvature.
    """
    after = scaled(theta, hidden, factor)
    first, second = measures(loss, theta), measures(loss, after)
    pairs = tuple(Survival(name, first[name], second[name]) for name in first)
    return Rescaling(factor, loss.value(theta), loss.value(after), pairs)
