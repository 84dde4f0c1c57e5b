"""The cost upon lines or a plane around one point of a run: a picture, a table, and what a page keeps of it."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.report.contours import Trail, contour_panel, lines_panel
from descend.doctor.report.figure import Figure, Panel
from descend.doctor.report.table import Table
from descend.doctor.report.wording import count, number, percent
from descend.ground.grid import Grid

ORDINALS = ("first", "second")
FACTS = {facts.SurfacePoint: "point", facts.SurfaceView: "view", facts.SurfaceValues: "values"}  # as they are printed


@dataclass(frozen=True)
class Viewed:
    """One plane or line and what was computed upon it."""

    place: str
    view: facts.SurfaceView
    places: tuple[tuple[int, ...], ...]
    values: tuple[float, ...]

    @cached_property
    def grid(self) -> Grid:
        """The values in their places."""
        return Grid(self.view.ranges, dict(zip(self.places, self.values)))

    @property
    def trail(self) -> Trail | None:
        """Where the run went on it, if that is known."""
        known = self.view.trail
        return Trail([(x, y) for x, y in known.positions], known.steps) if known.steps else None


def viewed(record: Record) -> list[Viewed]:
    """Return what is known of each view; of an interrupted run what there is."""
    found = []
    for place, view in record.every(facts.SurfaceView).items():
        parts = [seen.fact for seen in record.history(facts.SurfaceValues, place)]
        places = tuple(at for part in parts for at in part.places)
        values = tuple(float(value) for part in parts for value in part.values)
        found.append(Viewed(place, view, places, values))
    return [each for each in found if each.values]


def surface_pictures(record: Record) -> list[Figure | Table]:
    """Return the picture of a surface, or of lines, and a table of what was found; none where nothing is known."""
    found = viewed(record)
    if not found:
        return []
    label, point = _point(record)
    panels = _lines(found, label) if len(found[0].grid.ranges) == 1 else [_contours(found[0], label)]
    return [Figure(tuple(panels), _caption(found, point, label)), _table(found, point, label)]


def kept(record: Record) -> dict[str, Any]:
    """Return what the page keeps, so that the same command goes on from there."""
    return {
        "views": [
            {
                "of": each.view.of,
                "places": each.places,
                "values": [value if isfinite(value) else str(value) for value in each.values],
            }
            for each in viewed(record)
        ]
    }


def remarks(record: Record) -> list[str]:
    """Return what is to be said of values that an earlier run has left, and of those that are still to come."""
    told, found = list[str](), viewed(record)
    reused = sum(each.view.reused for each in found)
    if reused:
        told.append(f"{count(reused, 'value')} of the earlier run were used again")
    if any(each.view.is_begun_anew for each in found):
        told.append("the page of the earlier run was of other weights, directions or examples: begun anew")
    wanted = sum(min(_point(record)[1].points, each.grid.most) for each in found)
    known = sum(len(each.values) for each in found)
    if record.ending and record.ending.reason == "interrupted" and known < wanted:
        told.append(f"{known} of {count(wanted, 'value')} are there; the same command goes on from them")
    return told


def _point(record: Record) -> tuple[str, facts.SurfacePoint]:
    (found,) = record.every(facts.SurfacePoint).items()
    return found


def _contours(each: Viewed, label: str) -> Panel:
    first, second = map(_title, each.view.axes)
    return contour_panel(f"Cost around the {label} weights", each.grid, (first, second), each.trail)


def _lines(found: list[Viewed], label: str) -> list[Panel]:
    """Return the lines in one panel where their axes have one unit and range, else one above the other."""
    marks = found[0].view.marks or {f"the {label} weights": 0.0}
    axes = [each.view.axes[0] for each in found]
    is_between = axes[0].kind == "chord"
    title = f"Cost from {_name(axes[0])}" if is_between else f"Cost around the {label} weights"
    if axes[0].kind == "random":
        lines = {f"{_name(axis)} direction": each.grid for axis, each in zip(axes, found)}
        return [lines_panel(title, lines, "along the direction, in lengths of the filters", marks)]
    return [lines_panel(title, {_name(axis): each.grid}, _title(axis), marks) for axis, each in zip(axes, found)]


def _title(axis: facts.Axis) -> str:
    """Return what stands at an axis."""
    match axis.kind:
        case "random":
            return f"{_name(axis)} direction, in lengths of the filters"
        case "eigenvector":
            return f"distance along an eigenvector of the Hessian, {_name(axis)}"
        case "principal":
            return f"distance along the {_name(axis)} direction: {percent(axis.share or 0.0)} of the path"
    return "distance from {}, straight to {}".format(*axis.ends)


def _name(axis: facts.Axis) -> str:
    match axis.kind:
        case "eigenvector":
            return f"λ = {_eigenvalue(axis)}"
        case "chord":
            return " to ".join(axis.ends)
    return f"{ORDINALS[axis.number - 1]} {axis.kind}"


def _eigenvalue(axis: facts.Axis) -> str:
    return "" if axis.value is None else number(axis.value)


def _table(found: list[Viewed], point: facts.SurfacePoint, label: str) -> Table:
    rows = []
    for each in found:
        finite = sorted((value, place) for value, place in zip(each.values, each.places) if isfinite(value))
        ends = ["", "", ""]
        if finite:
            at = ", ".join(map(number, each.grid.position(finite[0][1])))
            ends = [number(finite[0][0]), at, number(finite[-1][0])]
        rows.append((_along(each), str(len(each.values)), number(float(point.loss)), *ends))
    head = ("along", "computed", "cost", "lowest", "at", "highest")
    return Table(f"Cost around the {label} weights", head, rows, numeric=frozenset({1, 2, 3, 5}))


def _along(each: Viewed) -> str:
    """Return what a row of the table is of."""
    axes = each.view.axes
    if len(axes) == 1:
        return _name(axes[0])
    match axes[0].kind:
        case "random":
            return "random directions"
        case "principal":
            return "the path's plane"
    return "λ = " + ", ".join(map(_eigenvalue, axes))


def _caption(found: list[Viewed], point: facts.SurfacePoint, label: str) -> str:
    computed = sum(len(each.values) for each in found)
    said = [
        f"The cost of the same {count(point.examples, 'example')} throughout, {_mode(point)}, computed at "
        f"{count(computed, 'place')}, more of them where it bends; what lies between is interpolated.",
        _direction_words(found[0], point, label),
    ]
    if len(found[0].grid.ranges) == 2 and found[0].trail is not None:
        said.append(_trail_words(found[0]))
    return " ".join(part for part in said if part)


def _mode(point: facts.SurfacePoint) -> str:
    if point.evaluation:
        return "in evaluation mode"
    return "in training mode with the same draws at every place" if point.draws else "in training mode"


def _direction_words(each: Viewed, point: facts.SurfacePoint, label: str) -> str:
    match point.directions:
        case "random":
            return (
                f"At 0 are the {label} weights; at 1 each filter of every layer has moved by its own length, and "
                "biases have stayed (Li et al. 2018). Other random directions look different."
            )
        case "eigenvectors":
            return (
                f"At 0 are the {label} weights; the axes are distances between weights, along eigenvectors of the "
                "Hessian, as far as its quadratic would take to double the cost."
            )
    if point.directions == "through":
        return (
            f"Weights on the straight line from the {label} ones of this run to those of the file, on the examples of "
            "this run: how wide the cost is about either, and how high between them (Goodfellow et al. 2015)."
        )
    if each.view.marks is not None:
        return "Weights on the straight line through the first and the last: the run took another way between them."
    share, chance = sum(axis.share or 0.0 for axis in each.view.axes), each.view.by_chance or 0.0
    return (
        f"The plane that the run moved in most (Li et al. 2018): it holds {percent(share, 1)} of the squared "
        f"distances from the {label} weights, where a random walk's would hold {percent(chance, 1)}."
    )


def _trail_words(each: Viewed) -> str:
    if each.view.by_chance is not None:
        return "The run is drawn where it is nearest to the plane: the cost that it had is another."
    steps, held = each.view.trail.steps, each.view.trail.held or 0.0
    return (
        f"The run, from step {steps[0]} to {steps[-1]}, is drawn where it is nearest to the plane, which holds "
        f"{percent(held, 1)} of its squared distances from 0."
    )
