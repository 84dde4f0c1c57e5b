"""The cost of a script upon lines or a plane of its parameters, value by value, around one point of its run.

What an earlier run has left is taken up where the weights, the directions and the cost are the same.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isclose, isfinite
from pathlib import Path as File
from typing import Any

from descend.doctor.probes.shown.path import Path
from descend.doctor.probes.shown.points import Point, looked_on, loss_at, points
from descend.doctor.probes.shown.saved import saved_weights
from descend.doctor.probes.shown.views import NOWHERE, View, views
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Stale
from descend.ground.grid import Grid
from descend.ground.kept import kept_in
from descend.landscape import CurvatureUnavailable, Loss, surface
from descend.landscape.loss import Theta
from descend.landscape.vectors import normal_like, shaped

TOLD_S = 0.2  # values are sent as often
SAME = 1e-9  # relative: sums in another order


def shown_surface(snapshot: Snapshot) -> Measurement:
    """Yield a `SurfacePoint`, its `SurfaceView`s and their `SurfaceValues` of the point that is asked for."""
    asked = snapshot.asked
    path = None
    if asked["directions"] == "path":
        path = snapshot.memory.setdefault("path", Path(asked["origin"]))
        path.follow(snapshot)
    for point in points(snapshot):
        try:
            yield from _surface(snapshot, point if path is None else _on_path(point, path, snapshot), path)
        except (CurvatureUnavailable, Stale, ValueError) as error:
            raise Unavailable(str(error)) from None


def _on_path(last: Point, path: Path, snapshot: Snapshot) -> Point:
    """Return the point of the path to draw around. Raises `Unavailable` where the run ended before it."""
    origin = snapshot.asked["origin"]
    if origin is None:
        return last
    if origin not in path.steps:
        raise Unavailable(f"step {origin} was not reached: the run has {path.steps[-1]} steps")
    theta = tuple(t.to(p.device) for t, p in zip(path.weights[path.steps.index(origin)], snapshot.parameters))
    return replace(last, step=origin, label="first" if origin == 0 else f"step {origin}", theta=theta, path=[])


def _surface(snapshot: Snapshot, point: Point, path: Path | None) -> Measurement:
    loss = loss_at(snapshot, point)
    value = loss.value(point.theta)
    recordings = looked_on(snapshot)
    yield point.fact(
        facts.SurfacePoint(
            parameters=sum(t.numel() for t in point.theta),
            examples=sum(recording.examples for recording in recordings),
            batches=len(loss.parts),
            loss=as_json(value),
            evaluation=snapshot.asked["evaluation"],
            draws=any(recording.draws(evaluation=snapshot.asked["evaluation"]) for recording in recordings),
            directions=snapshot.asked["directions"],
            points=snapshot.asked["points"],
        )
    )
    yield point.fact(facts.Measuring("directions"))
    other = saved_weights(snapshot, snapshot.asked["other"]) if snapshot.asked["other"] else None
    shown = views(snapshot.asked, loss, point, value, path, other)
    known = _Kept.read(snapshot.asked["page"])
    for number, view in enumerate(shown):
        yield from _values(_Drawn(snapshot, point, loss, value, number, view), known)


@dataclass(frozen=True)
class _Drawn:
    """One view that is being computed."""

    snapshot: Snapshot
    point: Point
    loss: Loss
    value: float  # at the point
    number: int
    view: View

    def fact(self, seen: facts.SurfaceView | facts.SurfaceValues) -> Fact:
        """Return what was seen of this view, as it is sent."""
        return Fact.of(seen, self.point.step, str(self.number))


def _values(drawn: _Drawn, known: "_Kept") -> Measurement:
    view, asked = drawn.view, drawn.snapshot.asked
    of = _identity(drawn)
    grid = Grid(view.ranges, known.of(drawn.number, of))
    reused = len(grid.values)
    is_new = not reused and known.has(drawn.number)
    yield drawn.fact(
        facts.SurfaceView(view.ranges, view.axes, of, reused, is_new, _trail(drawn), view.by_chance, view.marks)
    )
    if reused:
        yield drawn.fact(packed(grid.values.items()))
    if view.is_centred and not grid.values:
        centre = (grid.cells // 2,) * len(view.ranges)
        grid.values[centre] = drawn.value  # known already
        yield drawn.fact(packed([(centre, drawn.value)]))
    fresh: list[tuple[tuple[int, ...], float]] = []
    told = time.monotonic()
    for place, value in surface(drawn.loss, view.plane, grid, asked["points"]):
        fresh.append((place, value))
        if time.monotonic() - told > TOLD_S:
            yield drawn.fact(packed(fresh))
            yield drawn.point.fact(facts.Measuring(f"value {len(grid.values)} of {asked['points']}"))
            fresh, told = [], time.monotonic()
    if fresh:
        yield drawn.fact(packed(fresh))


def as_json(value: float) -> facts.Written:
    """Return a value as JSON holds it, which `float` reads: what is not finite by its name."""
    return value if isfinite(value) else str(value)


def packed(known: Iterable[tuple[tuple[int, ...], float]]) -> facts.SurfaceValues:
    """Return places and values as they are sent."""
    pairs = list(known)
    return facts.SurfaceValues(tuple(place for place, _ in pairs), tuple(as_json(value) for _, value in pairs))


def _trail(drawn: _Drawn) -> facts.Trail:
    """Return where the run went, as it is seen on a plane: over all of it where the plane is the path's."""
    view, point = drawn.view, drawn.point
    if len(view.ranges) != 2 or view.trail.steps:
        return view.trail
    seen = [(step, shaped(row, point.theta)) for step, row in point.path]
    if len(seen) < 2:
        return NOWHERE
    positions = tuple(view.plane.nearest(theta) for _, theta in seen)
    whole = sum(_squared(theta, point.theta) for _, theta in seen)
    missed = sum(_squared(theta, view.plane.at(at)) for at, (_, theta) in zip(positions, seen))
    return facts.Trail(tuple(step for step, _ in seen), positions, held=1 - missed / whole if whole else 1.0)


def _squared(theta: Theta, other: Theta) -> float:
    return sum(float((a - b).double().square().sum()) for a, b in zip(theta, other))


def _identity(drawn: _Drawn) -> tuple[facts.Written, ...]:
    """Return numbers that tell one view from another: of the weights, the directions, the ranges and the cost."""
    view = drawn.view
    marks = map(_mark, (view.plane.origin, *view.plane.directions))
    return (*marks, *(end for ends in view.ranges for end in ends), as_json(drawn.value))


def _mark(theta: Theta) -> float:
    """Return a number that other values, or the same in another order, would change."""
    rows = (t.detach().reshape(-1).double() for t in theta)  # one at a time
    return sum(float(normal_like(row, k) @ row) for k, row in enumerate(rows))


@dataclass(frozen=True)
class _Kept:
    """What an earlier run has left in the page that is to be written."""

    views: Sequence[Mapping[str, Any]]

    @classmethod
    def read(cls, page: str) -> "_Kept":
        """Return what is there; nothing where it is of another kind."""
        found = kept_in(File(page))
        return cls(found["views"] if isinstance(found, dict) and isinstance(found.get("views"), list) else ())

    def has(self, number: int) -> bool:
        """Whether there is anything in that place."""
        return number < len(self.views)

    def of(self, number: int, identity: Sequence[facts.Written]) -> dict[tuple[int, ...], float]:
        """Return the values of that view, where it is the same."""
        if not self.has(number):
            return {}
        view = self.views[number]
        is_same = len(view["of"]) == len(identity) and all(
            a == b or isclose(float(a), float(b), rel_tol=SAME) for a, b in zip(view["of"], identity)
        )
        return {tuple(p): float(v) for p, v in zip(view["places"], view["values"])} if is_same else {}
