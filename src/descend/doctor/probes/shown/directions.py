"""How a run moves along the eigenvectors of its cost: what is needed to hold its way against what the rule predicts."""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.doctor.probes.shown.points import Point
from descend.doctor.probes.snapshot import Snapshot
from descend.doctor.record import facts
from descend.dynamics import linear_rule
from descend.landscape import Eigenpair, Hessian, Loss, Preconditioned, ends
from descend.landscape.loss import Evaluate
from descend.landscape.vectors import flat, shaped


def directions(snapshot: Snapshot, point: Point, loss: Loss, known: Sequence[Eigenpair]) -> facts.Directions:
    """Return each direction's curvature, its slope where the path begins, and its coordinate along the path.

    What coupled weight decay adds to the cost is in it. For a rule that rescales the gradient the eigenvectors are
    those of P⁻¹H, in the coordinates in which it is gradient descent. Raises `CurvatureUnavailable`.
    """
    decay, scale = _coupled_decay(point), None
    loss = _with_decay(loss, decay)
    if point.metric is not None or decay:
        hessian: Hessian = loss.hessian(point.theta)
        if point.metric is not None:
            hessian = Preconditioned(hessian, point.metric)
            scale = hessian.inverse_root.double()
        known = ends(hessian, point.theta, top=snapshot.asked["top"], bottom=snapshot.asked["bottom"]).pairs
    course = _within([theta.double() for _, theta in point.path], scale)
    slope = _slope(loss, point, scale) * snapshot.backwards
    found = tuple(
        facts.Direction(
            curvature=pair.value * snapshot.backwards,
            residual=pair.residual * snapshot.backwards,
            gradient=float(flat(pair.vector).double() @ slope),
            course=tuple(float(flat(pair.vector).double() @ place) for place in course),
        )
        for pair in known
    )
    return facts.Directions(point.metric is not None, tuple(step for step, _ in point.path), found)


def _coupled_decay(point: Point) -> float:
    """Return the weight decay that the rule adds to the gradient; one that is decoupled is the rule's own."""
    rule = linear_rule(point.optimizer)
    return float(point.optimizer.get("weight_decay") or 0.0) if rule is not None and not rule.decay else 0.0


def _with_decay(loss: Loss, decay: float) -> Loss:
    """Return the cost that coupled weight decay makes of a cost."""
    if not decay:
        return loss

    def decayed(part: Evaluate) -> Evaluate:
        return lambda theta: part(theta) + decay / 2 * torch.stack([t.square().sum() for t in theta]).sum()

    return Loss(tuple(map(decayed, loss.parts)))


def _slope(loss: Loss, point: Point, scale: Tensor | None) -> Tensor:
    """Return the gradient where the path begins, or at the point where there is no path."""
    at = shaped(point.path[0][1], point.theta) if point.path else point.theta
    gradient = flat(loss.gradient(at)).double()
    return gradient if scale is None else gradient * scale


def _within(places: Sequence[Tensor], scale: Tensor | None) -> list[Tensor]:
    """Return the places from the first on, in the scaled coordinates."""
    moved = [place - places[0] for place in places]
    return moved if scale is None else [row / scale for row in moved]
