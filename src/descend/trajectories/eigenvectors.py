"""Predict and observe the motion of linear optimizers along each Hessian eigenvector of a quadratic."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.dynamics import linear_rule, observed, predicted
from descend.landscape.loss import CurvatureUnavailable
from descend.trajectories.rules import Chosen
from descend.trajectories.surface import Surface
from descend.trajectories.trajectory import Trajectory

LINEAR = ("SGD", "Momentum", "Nesterov")  # optimizers whose step is a linear function of the gradient
ALIKE = 1e-9  # two Hessians count as equal if they differ by at most this fraction of the largest entry
GONE = 1e-9  # below this fraction of the initial distance from the centre, rounding errors dominate
FOLLOWED = 60  # largest number of steps over which the motion is observed


@dataclass(frozen=True)
class Along:
    """The predicted and the observed motion of one optimizer along one eigenvector of the Hessian.

    Parameters
    ----------
    rule : Chosen
        The optimizer.
    vector : torch.Tensor
        The unit eigenvector, of shape ``(2,)``.
    curvature : float
        The eigenvalue.
    predicted : str
        The predicted kind of motion: "decays", "oscillates", "diverges" or "stays".
    observed : str
        The observed kind of motion, which can also be "driven" or "undecided"; "" for too few steps.
    """

    rule: Chosen
    vector: Tensor
    curvature: float
    predicted: str  # predicted kind of motion: "decays", "oscillates", "diverges" or "stays"
    observed: str  # observed kind of motion, which can also be "driven" or "undecided"; "" for too few steps


def along_eigenvectors(surface: Surface, found: Sequence[Trajectory]) -> list[Along]:
    """Return each linear optimizer's motion along both Hessian eigenvectors; [] if the surface is not quadratic.

    The steeper direction comes first. The trajectories from the first start are used. Along an eigenvector, gradient
    descent multiplies the distance by 1 − α·λ at each step (Ba, CSC413 lecture 4, Ill-conditioned curvature).

    Parameters
    ----------
    surface : Surface
        The surface.
    found : sequence of Trajectory
        The trajectories of the optimizers on it.

    Returns
    -------
    list of Along
        Two motions for each linear optimizer.
    """
    try:
        hessian = surface.hessian(surface.start)
        others = [surface.hessian((x, y)) for x, y in zip(*surface.window)]
    except CurvatureUnavailable:  # The surface is linear or piecewise constant.
        return []
    scale = float(hessian.abs().max())
    if not all(float((other - hessian).abs().max()) <= ALIKE * scale for other in others):
        return []
    values, vectors = torch.linalg.eigh(hessian)
    sides = [(float(values[k]), vectors[:, k]) for k in (1, 0)]
    linear = [one for one in found if one.rule.name in LINEAR]
    return [_motion_along(surface, one, curvature, vector) for one in linear for curvature, vector in sides]


def _motion_along(surface: Surface, one: Trajectory, curvature: float, vector: Tensor) -> Along:
    """Return the predicted and the observed motion of one trajectory along one Hessian eigenvector."""
    [group] = one.rule.construct([torch.zeros(2, requires_grad=True)]).param_groups
    rule = linear_rule({"class": one.rule.name, **group})
    assert rule is not None  # SGD, Momentum and Nesterov are linear in the gradient.
    said = predicted(rule, group["lr"], curvature).kind
    points = one.points[0]
    slope = float(surface.gradient(points[:1])[0] @ vector)
    course = _usable_coordinates((points @ vector).tolist(), slope / curvature if curvature else 0.0)
    seen: str = ""
    with suppress(ValueError):  # The trajectory can have too few points.
        seen = observed(course, slope, curvature, rule, group["lr"]).kind
    return Along(one.rule, vector, curvature, said, seen)


def _usable_coordinates(course: list[float], place: float) -> list[float]:
    """Return the coordinates before the first one that is not finite or so close to the centre that rounding dominates.

    place: the first coordinate minus the centre.
    """
    centre, kept = course[0] - place, list[float]()
    for x in course[:FOLLOWED]:
        if not abs(x - centre) > GONE * abs(place):
            break
        kept.append(x)
    return kept
