"""The requested lines or plane through one point of a run: directions, ranges, and labels of the axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path as File
from typing import Any

from descend.doctor.measure.shown.path import Path
from descend.doctor.measure.shown.points import Point
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.record import facts
from descend.landscape import Loss, Plane, eigen_plane, ends, path_plane, plane_through, random_plane
from descend.landscape.loss import Theta
from descend.landscape.vectors import flat

MARGIN = 0.25  # space that is drawn around a path on each side, as a share of the path's extent
NOWHERE = facts.Trail()


@dataclass(frozen=True)
class View:
    """A plane or line in parameter space, with the range that is drawn and a description of each axis."""

    plane: Plane
    ranges: tuple[tuple[float, float], ...]
    axes: tuple[facts.Axis, ...]
    trail: facts.Trail = NOWHERE
    by_chance: float | None = None  # the share of variance that such a plane would explain for a random walk
    marks: dict[str, float] | None = None  # the positions of a line's end points, by name

    @property
    def is_centred(self) -> bool:
        """Return whether the origin is in the middle of the range of every axis."""
        return all(low == -high for low, high in self.ranges)


def views(
    asked: Mapping[str, Any], loss: Loss, point: Point, value: float, path: Path | None, other: Theta | None = None
) -> list[View]:
    """Return one plane, or one line per direction; if `other` weights are given, return the line to these weights.

    Raises `ValueError`, `Unavailable` or `CurvatureUnavailable`.
    """
    if other is not None:
        return [_line_through([point.theta, other], (f"the {point.label} weights", File(asked["other"]).name))]
    count = sum(t.numel() for t in point.theta)
    if count < 2 and not asked["is_one_d"]:
        raise Unavailable("a single parameter does not span a plane; use --one-d to draw a line")
    if path is not None:
        return [_path_line(path, point)] if asked["is_one_d"] else [_path_view(path, point)]
    if asked["directions"] == "eigenvectors":
        return _eigenvector_views(asked, loss, point, value)
    return _random_views(asked, point, min(count, 2))


def _random_views(asked: Mapping[str, Any], point: Point, count: int) -> list[View]:
    """Return the view of a plane along random directions, or the view of a line along each direction."""
    try:
        plane = random_plane(point.theta, axes=count, seed=asked["seed"])
    except ValueError as error:
        raise Unavailable(f"{error}; --directions eigenvectors and path do not need random directions") from None
    axes = tuple(facts.Axis("random", k + 1) for k in range(count))
    return _views_of_plane([asked["reach"]] * count, plane, axes, asked["is_one_d"])


def _eigenvector_views(asked: Mapping[str, Any], loss: Loss, point: Point, value: float) -> list[View]:
    """Return the view of a plane along Hessian eigenvectors, or the view of a line along each eigenvector."""
    is_one_d = asked["is_one_d"]
    found = ends(loss.hessian(point.theta), point.theta, top=1 if is_one_d else 2, bottom=1 if is_one_d else 0)
    pairs = (*found.top, *found.bottom)[: found.size]
    length = float(flat(point.theta).double().norm()) or 1.0
    reaches = [asked["reach"] * _scale_of_curvature(pair.value, value, length) for pair in pairs]
    axes = tuple(facts.Axis("eigenvector", value=pair.value, residual=pair.residual) for pair in pairs)
    return _views_of_plane(reaches, eigen_plane(point.theta, pairs), axes, is_one_d)


def _scale_of_curvature(curvature: float, value: float, length: float) -> float:
    """Return the distance at which the Taylor term ½·curvature·distance² equals the loss, at most `length`."""
    if not (curvature and value):
        return length
    return min(sqrt(2 * abs(value / curvature)), length)


def _views_of_plane(reaches: Sequence[float], plane: Plane, axes: tuple[facts.Axis, ...], is_one_d: bool) -> list[View]:
    """Return a view of the plane with the given reach to both sides of its origin, or one view of a line per axis."""
    ranges = tuple((-reach, reach) for reach in reaches)
    if not is_one_d:
        return [View(plane, ranges, axes)]
    return [
        View(Plane(plane.origin, (direction,)), (ends,), (axis,))
        for direction, ends, axis in zip(plane.directions, ranges, axes)
    ]


def _path_view(path: Path, point: Point) -> View:
    """Return the plane of the first two principal components of the run's path."""
    found = path_plane(path.weights, path.steps, origin=path.steps.index(point.step))
    positions = list(zip(*found.positions))
    axes = tuple(facts.Axis("principal", k + 1, share=share) for k, share in enumerate(found.shares))
    trail = facts.Trail(tuple(path.steps), tuple(found.positions))
    ranges = tuple(map(_range_with_margin, positions))
    return View(_move_to_devices(found.plane, point), ranges, axes, trail, by_chance=found.by_chance)


def _path_line(path: Path, point: Point) -> View:
    """Return the line from the first to the last weights of the run's path."""
    view = _line_through([path.weights[0], path.weights[-1]], ("the first weights", "the last weights"))
    return replace(view, plane=_move_to_devices(view.plane, point))


def _line_through(ends: Sequence[Theta], names: tuple[str, str]) -> View:
    """Return the line through two points in parameter space, with a mark at each point."""
    plane, positions = plane_through(ends)
    places = [position[0] for position in positions]
    return View(
        plane, (_range_with_margin(places),), (facts.Axis("chord", ends=names),), marks=dict(zip(names, places))
    )


def _range_with_margin(places: Sequence[float]) -> tuple[float, float]:
    """Return the range of some positions along an axis, extended by a margin on both sides."""
    low, high = min(places), max(places)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def _move_to_devices(plane: Plane, point: Point) -> Plane:
    """Return the plane on the devices of the parameters, because a path is kept in CPU memory."""
    devices = [t.device for t in point.theta]
    moved = [tuple(t.to(d) for t, d in zip(each, devices)) for each in (plane.origin, *plane.directions)]
    return Plane(moved[0], tuple(moved[1:]))
