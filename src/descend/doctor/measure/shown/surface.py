"""Compute the loss on lines or a plane in parameter space around one point of a run, value by value.

Values from an earlier run are reused if weights, directions and loss are the same.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose, isfinite
from pathlib import Path as File
from typing import Any

from descend.core.grid import Grid
from descend.core.page_data import read_page_data
from descend.doctor.measure.shown.checkpoint import checkpoint_weights
from descend.doctor.measure.shown.path import Path
from descend.doctor.measure.shown.points import Point, distinct_recordings, loss_at, points
from descend.doctor.measure.shown.views import NOWHERE, View, views
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import StaleData
from descend.landscape import CurvatureUnavailable, Loss, surface
from descend.landscape.loss import Theta
from descend.landscape.vectors import normal_like, shaped

TOLD_S = 0.2  # time between two messages with new values, in seconds
SAME = 1e-9  # two sums of the same numbers, added in different orders, may differ by this share


def shown_surface(snapshot: Snapshot) -> Measurement:
    """Yield the loss at the requested point, the lines or the plane through it, and the loss along them."""
    asked = snapshot.asked
    path = None
    if asked["directions"] == "path":
        path = snapshot.memory.setdefault("path", Path(asked["origin"]))
        path.keep_weights(snapshot)
    for point in points(snapshot):
        try:
            yield from _surface_at_point(
                snapshot, point if path is None else _requested_point(point, path, snapshot), path
            )
        except (CurvatureUnavailable, StaleData, ValueError) as error:
            raise Unavailable(str(error)) from None


def _requested_point(last: Point, path: Path, snapshot: Snapshot) -> Point:
    """Return the requested point on the run's path. Raises `Unavailable` if the run ended before it."""
    origin = snapshot.asked["origin"]
    if origin is None:
        return last
    if origin not in path.steps:
        raise Unavailable(f"step {origin} was not reached, because the run has only {path.steps[-1]} steps")
    theta = tuple(t.to(p.device) for t, p in zip(path.weights[path.steps.index(origin)], snapshot.parameters))
    return replace(last, step=origin, label="first" if origin == 0 else f"step {origin}", theta=theta, path=[])


def _surface_at_point(snapshot: Snapshot, point: Point, path: Path | None) -> Measurement:
    """Yield the loss at one point, and the values of the loss on each line or plane through it."""
    loss = loss_at(snapshot, point)
    value = loss.value(point.theta)
    recordings = distinct_recordings(snapshot)
    yield point.fact(
        facts.SurfacePoint(
            parameters=sum(t.numel() for t in point.theta),
            examples=sum(recording.batch_size for recording in recordings),
            batches=len(loss.parts),
            loss=as_json(value),
            evaluation=snapshot.asked["evaluation"],
            draws=any(recording.is_random(evaluation=snapshot.asked["evaluation"]) for recording in recordings),
            directions=snapshot.asked["directions"],
            points=snapshot.asked["points"],
        )
    )
    yield point.fact(facts.Measuring("directions"))
    other = checkpoint_weights(snapshot, snapshot.asked["other"]) if snapshot.asked["other"] else None
    shown = views(snapshot.asked, loss, point, value, path, other)
    known = _EarlierValues.read(snapshot.asked["page"])
    for number, view in enumerate(shown):
        yield from _loss_values(_ViewInProgress(snapshot, point, loss, value, number, view), known)


@dataclass(frozen=True)
class _ViewInProgress:
    """A line or plane through a point, while the loss values on it are computed."""

    snapshot: Snapshot
    point: Point
    loss: Loss
    value: float  # the loss at the point
    number: int
    view: View

    def fact(self, seen: facts.SurfaceView | facts.SurfaceValues) -> Fact:
        """Return results on this line or plane as a fact."""
        return Fact.of(seen, self.point.step, str(self.number))


def _loss_values(drawn: _ViewInProgress, known: "_EarlierValues") -> Measurement:
    """Yield the loss values on one line or plane as they are computed; those from an earlier run come first."""
    view, asked = drawn.view, drawn.snapshot.asked
    of = _identity(drawn)
    grid = Grid(view.ranges, known.values_of(drawn.number, of))
    reused = len(grid.values)
    is_new = not reused and known.has(drawn.number)
    yield drawn.fact(
        facts.SurfaceView(
            view.ranges, view.axes, of, reused, is_new, _positions_on_plane(drawn), view.by_chance, view.marks
        )
    )
    if reused:
        yield drawn.fact(as_surface_values(grid.values.items()))
    if view.is_centred and not grid.values:
        centre = (grid.cells // 2,) * len(view.ranges)
        grid.values[centre] = drawn.value  # The loss at the point itself is already known.
        yield drawn.fact(as_surface_values([(centre, drawn.value)]))
    fresh: list[tuple[tuple[int, ...], float]] = []
    told = time.monotonic()
    for place, value in surface(drawn.loss, view.plane, grid, asked["points"]):
        fresh.append((place, value))
        if time.monotonic() - told > TOLD_S:
            yield drawn.fact(as_surface_values(fresh))
            yield drawn.point.fact(facts.Measuring(f"value {len(grid.values)} of {asked['points']}"))
            fresh, told = [], time.monotonic()
    if fresh:
        yield drawn.fact(as_surface_values(fresh))


def as_json(value: float) -> facts.Written:
    """Return a number in a form that JSON can store: NaN or infinity becomes a string that `float` can read."""
    return value if isfinite(value) else str(value)


def as_surface_values(known: Iterable[tuple[tuple[int, ...], float]]) -> facts.SurfaceValues:
    """Return grid points and the loss values there as a fact."""
    pairs = list(known)
    return facts.SurfaceValues(tuple(place for place, _ in pairs), tuple(as_json(value) for _, value in pairs))


def _positions_on_plane(drawn: _ViewInProgress) -> facts.Trail:
    """Return the run's weights at several steps, projected onto the plane; empty for fewer than two steps."""
    view, point = drawn.view, drawn.point
    if len(view.ranges) != 2 or view.trail.steps:
        return view.trail
    seen = [(step, shaped(row, point.theta)) for step, row in point.path]
    if len(seen) < 2:
        return NOWHERE
    positions = tuple(view.plane.nearest(theta) for _, theta in seen)
    whole = sum(_squared_distance(theta, point.theta) for _, theta in seen)
    missed = sum(_squared_distance(theta, view.plane.at(at)) for at, (_, theta) in zip(positions, seen))
    return facts.Trail(tuple(step for step, _ in seen), positions, held=1 - missed / whole if whole else 1.0)


def _squared_distance(theta: Theta, other: Theta) -> float:
    """Return the squared Euclidean distance between two points in parameter space."""
    return sum(float((a - b).double().square().sum()) for a, b in zip(theta, other))


def _identity(drawn: _ViewInProgress) -> tuple[facts.Written, ...]:
    """Return numbers that identify a line or plane, computed from its weights, directions, ranges and loss."""
    view = drawn.view
    marks = map(_weights_checksum, (view.plane.origin, *view.plane.directions))
    return (*marks, *(end for ends in view.ranges for end in ends), as_json(drawn.value))


def _weights_checksum(theta: Theta) -> float:
    """Return a checksum of the weights that depends on their order."""
    rows = (t.detach().reshape(-1).double() for t in theta)  # A generator holds only one row in memory at a time.
    return sum(float(normal_like(row, k) @ row) for k, row in enumerate(rows))


@dataclass(frozen=True)
class _EarlierValues:
    """The loss values that an earlier run stored in the output page."""

    views: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, page: str) -> "_EarlierValues":
        """Return the lines or planes stored in a page; an empty object if the page stores something else."""
        found = read_page_data(File(page))
        return cls(found["views"] if isinstance(found, dict) and isinstance(found.get("views"), list) else ())

    def has(self, number: int) -> bool:
        """Return whether the page contains a line or plane with the given number."""
        return number < len(self.views)

    def values_of(self, number: int, identity: Sequence[facts.Written]) -> dict[tuple[int, ...], float]:
        """Return the loss values of a line or plane by grid point, if the one in the page has the same identity."""
        if not self.has(number):
            return {}
        view = self.views[number]
        is_same = len(view["of"]) == len(identity) and all(
            a == b or isclose(float(a), float(b), rel_tol=SAME) for a, b in zip(view["of"], identity)
        )
        return {tuple(p): float(v) for p, v in zip(view["places"], view["values"])} if is_same else {}
