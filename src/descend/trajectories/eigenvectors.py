"""On a quadratic, what each rule that is linear in the gradient does along each eigenvector: predicted and observed."""

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

LINEAR = ("SGD", "Momentum", "Nesterov")  # of the gradient itself: of the others' divisors nothing is known here
ALIKE = 1e-9  # of the largest entry: Hessians at two points that differ by less are the same
GONE = 1e-9  # of the distance at the start: nearer the minimum rounding is seen
FOLLOWED = 60  # steps


@dataclass(frozen=True)
class Along:
    """One rule along one eigenvector, (2,), of the Hessian."""

    rule: Chosen
    vector: Tensor
    curvature: float
    predicted: str  # decays, oscillates, diverges or stays
    observed: str  # or driven, or undecided; empty where too few steps were seen


def along_eigenvectors(surface: Surface, found: Sequence[Trajectory]) -> list[Along]:
    """Return what the rules do along both eigenvectors, the steeper first, from the first start; of a quadratic only.

    In an eigenvector's direction gradient descent multiplies the distance by 1 − α·λ at each step (Ba, CSC413
    lecture 4, Ill-conditioned curvature).
    """
    try:
        hessian = surface.hessian(surface.start)
        others = [surface.hessian((x, y)) for x, y in zip(*surface.window)]
    except CurvatureUnavailable:  # a plane, or a surface in steps
        return []
    scale = float(hessian.abs().max())
    if not all(float((other - hessian).abs().max()) <= ALIKE * scale for other in others):
        return []
    values, vectors = torch.linalg.eigh(hessian)
    sides = [(float(values[k]), vectors[:, k]) for k in (1, 0)]
    linear = [one for one in found if one.rule.name in LINEAR]
    return [_along(surface, one, curvature, vector) for one in linear for curvature, vector in sides]


def _along(surface: Surface, one: Trajectory, curvature: float, vector: Tensor) -> Along:
    [group] = one.rule.make([torch.zeros(2, requires_grad=True)]).param_groups
    rule = linear_rule({"class": one.rule.name, **group})
    assert rule is not None  # SGD's, Momentum's and Nesterov's are
    said = predicted(rule, group["lr"], curvature).kind
    points = one.points[0]
    slope = float(surface.gradient(points[:1])[0] @ vector)
    course = _seen((points @ vector).tolist(), slope / curvature if curvature else 0.0)
    seen: str = ""
    with suppress(ValueError):  # the course is too short
        seen = observed(course, slope, curvature, rule, group["lr"]).kind
    return Along(one.rule, vector, curvature, said, seen)


def _seen(course: list[float], place: float) -> list[float]:
    """Return the course as far as it is finite and away from its centre, `place` before the first point."""
    centre, kept = course[0] - place, list[float]()
    for x in course[:FOLLOWED]:
        if not abs(x - centre) > GONE * abs(place):
            break
        kept.append(x)
    return kept
