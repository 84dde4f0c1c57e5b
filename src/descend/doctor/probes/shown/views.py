"""The lines or the plane through one point of a run that are asked for: directions, ranges and what the axes mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path as File
from typing import Any

from descend.doctor.probes.shown.path import Path
from descend.doctor.probes.shown.points import Point
from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.record import facts
from descend.landscape import Loss, Plane, eigen_plane, ends, path_plane, plane_through, random_plane
from descend.landscape.loss import Theta
from descend.landscape.vectors import flat

MARGIN = 0.25  # of the path's extent, free around it
NOWHERE = facts.Trail()


@dataclass(frozen=True)
class View:
    """A plane or a line, as far as it is looked at, and what each axis is."""

    plane: Plane
    ranges: tuple[tuple[float, float], ...]
    axes: tuple[facts.Axis, ...]
    trail: facts.Trail = NOWHERE
    by_chance: float | None = None  # of the path's plane: the share that a random walk's would hold
    marks: dict[str, float] | None = None  # of a chord: positions of what is named

    @property
    def is_centred(self) -> bool:
        """Whether the origin is the middle of every range."""
        return all(low == -high for low, high in self.ranges)


def views(
    asked: Mapping[str, Any], loss: Loss, point: Point, value: float, path: Path | None, other: Theta | None = None
) -> list[View]:
    """Return one plane, or a line for each direction; the line to `other` weights, where there are any.

    Raises `ValueError`, `Unavailable` or `CurvatureUnavailable`.
    """
    if other is not None:
        return [_chord([point.theta, other], (f"the {point.label} weights", File(asked["other"]).name))]
    count = sum(t.numel() for t in point.theta)
    if count < 2 and not asked["is_one_d"]:
        raise Unavailable("one parameter spans no plane: --one-d draws its line")
    if path is not None:
        return [_way(path, point)] if asked["is_one_d"] else [_path(path, point)]
    if asked["directions"] == "eigenvectors":
        return _eigen(asked, loss, point, value)
    return _random(asked, point, min(count, 2))


def _random(asked: Mapping[str, Any], point: Point, count: int) -> list[View]:
    try:
        plane = random_plane(point.theta, axes=count, seed=asked["seed"])
    except ValueError as error:
        raise Unavailable(f"{error}; --directions eigenvectors and path need none") from None
    axes = tuple(facts.Axis("random", k + 1) for k in range(count))
    return _along([asked["reach"]] * count, plane, axes, asked["is_one_d"])


def _eigen(asked: Mapping[str, Any], loss: Loss, point: Point, value: float) -> list[View]:
    is_one_d = asked["is_one_d"]
    found = ends(loss.hessian(point.theta), point.theta, top=1 if is_one_d else 2, bottom=1 if is_one_d else 0)
    pairs = (*found.top, *found.bottom)[: found.size]
    length = float(flat(point.theta).double().norm()) or 1.0
    reaches = [asked["reach"] * _reach(pair.value, value, length) for pair in pairs]
    axes = tuple(facts.Axis("eigenvector", value=pair.value, residual=pair.residual) for pair in pairs)
    return _along(reaches, eigen_plane(point.theta, pairs), axes, is_one_d)


def _reach(curvature: float, value: float, length: float) -> float:
    """Return how far the second-order term takes to be as large as the cost itself; at most as far as 0 is."""
    if not (curvature and value):
        return length
    return min(sqrt(2 * abs(value / curvature)), length)


def _along(reaches: Sequence[float], plane: Plane, axes: tuple[facts.Axis, ...], is_one_d: bool) -> list[View]:
    """Return the plane as far as that to both sides of its origin, or each of its axes."""
    ranges = tuple((-reach, reach) for reach in reaches)
    if not is_one_d:
        return [View(plane, ranges, axes)]
    return [
        View(Plane(plane.origin, (direction,)), (ends,), (axis,))
        for direction, ends, axis in zip(plane.directions, ranges, axes)
    ]


def _path(path: Path, point: Point) -> View:
    found = path_plane(path.weights, path.steps, origin=path.steps.index(point.step))
    positions = list(zip(*found.positions))
    axes = tuple(facts.Axis("principal", k + 1, share=share) for k, share in enumerate(found.shares))
    trail = facts.Trail(tuple(path.steps), tuple(found.positions))
    ranges = tuple(map(_around, positions))
    return View(_like(found.plane, point), ranges, axes, trail, by_chance=found.by_chance)


def _way(path: Path, point: Point) -> View:
    view = _chord([path.weights[0], path.weights[-1]], ("the first weights", "the last weights"))
    return replace(view, plane=_like(view.plane, point))


def _chord(ends: Sequence[Theta], names: tuple[str, str]) -> View:
    """Return the straight line through two points, with a mark at both."""
    plane, positions = plane_through(ends)
    places = [position[0] for position in positions]
    return View(plane, (_around(places),), (facts.Axis("chord", ends=names),), marks=dict(zip(names, places)))


def _around(places: Sequence[float]) -> tuple[float, float]:
    low, high = min(places), max(places)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def _like(plane: Plane, point: Point) -> Plane:
    """Return the plane where the parameters are: a path is kept in the memory of the CPU."""
    devices = [t.device for t in point.theta]
    moved = [tuple(t.to(d) for t, d in zip(each, devices)) for each in (plane.origin, *plane.directions)]
    return Plane(moved[0], tuple(moved[1:]))
