"""How sharp a minimum is, by measures of which some are fooled by a change of scale that leaves the function alone.

The cost of rectified units does not change when a layer's weights are multiplied and the next one's divided by the same
number, but its curvature does (Dinh et al. 2017, theorem 4).
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

BOX = 1e-3  # Keskar et al.'s ε
ASCENT_STEPS = 20
RADIUS = 0.1  # of filter-normalised directions: a tenth of each filter
DIRECTIONS = 16  # random ones
PRODUCTS = 60
SAME = 0.02  # a measure that changes by no more than this share survives


def box_sharpness(loss: Loss, theta: Theta, box: float = BOX, steps: int = ASCENT_STEPS) -> float:
    """Return the greatest rise of the cost found where each parameter x moves by at most box·(|x| + 1), in percent.

    Of 1 + cost, as Keskar et al. 2017 (metric 2.1) measure it; found by ascent along the gradient's signs, so at least.
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
    """Return the largest eigenvalue of |θ| H |θ|, entry by entry: curvature per relative change of each parameter.

    The quadratic form of adaptive sharpness (Kwon et al. 2021, with T_θ = diag |θ|).
    """
    inverse = [t.detach().square().reciprocal() for t in theta]
    start = shaped(normal_like(flat(theta)), theta)
    return top_eigenpair(hessian, start, preconditioner=inverse, iterations=PRODUCTS).value


def relative_flatness(hessian: Hessian, theta: Theta, index: int, samples: int = DIRECTIONS) -> float:
    """Return Σ ⟨w_s, w_t⟩ tr H_st over the units s, t of a weight matrix, w_s being the weights of unit s.

    The measure of Petzka et al. 2021: the trace of (W ⊗ 1)ᵀ H (W ⊗ 1), estimated with random signs. Raises `ValueError`
    for what is no matrix.
    """
    weight = theta[index].detach()
    if weight.ndim < 2:
        raise ValueError(f"relative flatness is of a weight matrix, not of a tensor of {weight.ndim} dimensions")
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
    """Return θᵀ F θ, the squared Fisher–Rao norm (Liang et al. 2019), with the Gauss–Newton matrix for F.

    The two matrices are the same for cross-entropy and squared error (Martens 2020).
    """
    vector = [t.detach() for t in theta]
    return fmean(part.gauss_newton_form(theta, vector) for part in loss.judged)


def filter_normalised_rise(loss: Loss, theta: Theta, radius: float = RADIUS, directions: int = DIRECTIONS) -> float:
    """Return the mean rise of the cost at `radius` along random filter-normalised directions (Li et al. 2018, §4)."""
    cost = loss.value(theta)
    rises = []
    for seed in range(directions):
        drawn = filter_normalised(shaped(normal_like(flat(theta), seed), theta), theta)
        moved = [t.detach() + radius * d for t, d in zip(theta, drawn)]
        rises.append(loss.value(moved) - cost)
    return fmean(rises)


@dataclass(frozen=True)
class Survival:
    """One measure at two points that compute the same function."""

    measure: str
    before: float
    after: float

    @property
    def survives(self) -> bool:
        """Whether it is the same at both."""
        return abs(self.after - self.before) <= SAME * max(abs(self.before), abs(self.after))


@dataclass(frozen=True)
class Rescaling:
    """A layer rescaled by `factor`: the costs before and after, and what each measure of sharpness makes of it."""

    factor: float
    cost: float
    rescaled_cost: float
    measures: tuple[Survival, ...]


def measures(loss: Loss, theta: Theta) -> dict[str, float]:
    """Return every measure of sharpness that the loss has at a point. Raises `CurvatureUnavailable`."""
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
    """Return an estimate of the Hessian's trace from random signs (Hutchinson 1990)."""
    rows = [signs_like(flat(theta), seed) for seed in range(samples)]
    return fmean(float(row @ mean_product(hessian, row, theta)) for row in rows)


def rescaling(
    loss: Loss,
    theta: Theta,
    hidden: Hidden,
    factor: float,
) -> Rescaling:
    """Return which measures of sharpness survive that the units of a layer are made `factor` times as large.

    Raises `ValueError` where their scale is not free, `CurvatureUnavailable` where the loss cannot be differentiated.
    """
    after = scaled(theta, hidden, factor)
    first, second = measures(loss, theta), measures(loss, after)
    pairs = tuple(Survival(name, first[name], second[name]) for name in first)
    return Rescaling(factor, loss.value(theta), loss.value(after), pairs)
