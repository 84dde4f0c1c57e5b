"""The run's motion along eigenvectors of its loss, and the motion predicted from the optimizer's update rule."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from descend.doctor.measure.shown.points import Point
from descend.doctor.measure.snapshot import Snapshot
from descend.doctor.record import facts
from descend.dynamics import linear_rule
from descend.landscape import Eigenpair, Hessian, Loss, Preconditioned, ends
from descend.landscape.loss import Evaluate
from descend.landscape.vectors import flat, shaped


def directions(
    snapshot: Snapshot, point: Point, loss: Loss, known: Sequence[Eigenpair], go_on: Callable[[int], bool]
) -> facts.Directions:
    """Return, for each Hessian eigenvector: the curvature and the first gradient along it, and the run's coordinates.

    Coupled weight decay is added to the loss. For an adaptive optimizer the eigenvectors are those of P⁻¹H, in
    coordinates in which the optimizer is gradient descent. The search ends if `go_on(products)` returns False. Raises
    `CurvatureUnavailable`.
    """
    decay, scale = _coupled_decay(point), None
    loss = _add_decay(loss, decay)
    if point.metric is not None or decay:
        hessian: Hessian = loss.hessian(point.theta)
        if point.metric is not None:
            hessian = Preconditioned(hessian, point.metric)
            scale = hessian.inverse_root.double()
        wanted = {"top": snapshot.asked["top"], "bottom": snapshot.asked["bottom"]}
        known = ends(hessian, point.theta, **wanted, go_on=go_on).pairs
    course = _scaled_displacements([theta.double() for _, theta in point.path], scale)
    slope = _scaled_gradient(loss, point, scale) * snapshot.backwards
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
    """Return the weight decay that is added to the gradient; 0 if the optimizer decouples it."""
    rule = linear_rule(point.optimizer)
    return float(point.optimizer.get("weight_decay") or 0.0) if rule is not None and not rule.decay else 0.0


def _add_decay(loss: Loss, decay: float) -> Loss:
    """Return the loss plus the penalty whose gradient is the coupled weight decay."""
    if not decay:
        return loss

    def add_penalty(part: Evaluate) -> Evaluate:
        """Return one part of the loss plus the weight-decay penalty."""
        return lambda theta: part(theta) + decay / 2 * torch.stack([t.square().sum() for t in theta]).sum()

    return Loss(tuple(map(add_penalty, loss.parts)), held=loss.held)


def _scaled_gradient(loss: Loss, point: Point, scale: Tensor | None) -> Tensor:
    """Return the gradient of the loss at the start of the run's path, or at `point`; in preconditioned coordinates."""
    at = shaped(point.path[0][1], point.theta) if point.path else point.theta
    gradient = flat(loss.gradient(at)).double()
    return gradient if scale is None else gradient * scale


def _scaled_displacements(places: Sequence[Tensor], scale: Tensor | None) -> list[Tensor]:
    """Return the displacement of each position from the first one; in preconditioned coordinates for a `scale`."""
    moved = [place - places[0] for place in places]
    return moved if scale is None else [row / scale for row in moved]
