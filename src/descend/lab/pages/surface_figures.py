"""Figure, table and stored data of the loss on lines or on a plane of the parameters."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from descend.core.grid import Grid
from descend.doctor.record import Record, facts
from descend.doctor.report.figure import Figure, Panel
from descend.doctor.report.formatting import count, number, percent
from descend.doctor.script.run_names import EndReason
from descend.lab.pages.contours import RunPath, contour_panel, lines_panel
from descend.lab.pages.table import Table

ORDINALS = ("first", "second")
# These are the names of the measurements in the output of `--format json`.
FACTS = {
    facts.SurfacePoint: "point",
    facts.SurfaceView: "view",
    facts.SurfaceValues: "values",
}


@dataclass(frozen=True)
class Slice:
    """A plane or line in parameter space, with the losses that were computed on it."""

    place: str
    view: facts.SurfaceView
    places: tuple[tuple[int, ...], ...]
    values: tuple[float, ...]

    @cached_property
    def grid(self) -> Grid:
        """Return the grid of the plane or line, with the losses computed so far."""
        return Grid(self.view.ranges, dict(zip(self.places, self.values)))

    @property
    def path(self) -> RunPath | None:
        """Return the path of the run, projected onto the plane; None if it was not recorded."""
        known = self.view.trail
        return RunPath([(x, y) for x, y in known.positions], known.steps) if known.steps else None


def computed_slices(record: Record) -> list[Slice]:
    """Return the planes and lines on which at least one loss was computed, even if the run was interrupted."""
    found = []
    for place, view in record.every(facts.SurfaceView).items():
        parts = [seen.fact for seen in record.history(facts.SurfaceValues, place)]
        places = tuple(at for part in parts for at in part.places)
        values = tuple(float(value) for part in parts for value in part.values)
        found.append(Slice(place, view, places, values))
    return [each for each in found if each.values]


def surface_figures(record: Record) -> list[Figure | Table]:
    """Return a figure of the loss on a plane or on lines, and a table; empty if no loss was computed."""
    found = computed_slices(record)
    if not found:
        return []
    label, point = _measured_point(record)
    panels = _line_panels(found, label) if len(found[0].grid.ranges) == 1 else [_contours_panel(found[0], label)]
    return [Figure(tuple(panels), _caption(found, point, label)), _surface_table(found, point, label)]


def stored_values(record: Record) -> dict[str, Any]:
    """Return the computed losses as JSON data that the page stores, so that the same command can continue later."""
    return {
        "views": [
            {
                "of": each.view.of,
                "places": each.places,
                "values": [value if isfinite(value) else str(value) for value in each.values],
            }
            for each in computed_slices(record)
        ]
    }


def surface_remarks(record: Record) -> list[str]:
    """Return messages about losses that were reused from an earlier run, and losses that are still missing."""
    messages, found = list[str](), computed_slices(record)
    reused = sum(each.view.reused for each in found)
    if reused:
        messages.append(f"{count(reused, 'value')} of the earlier run were reused")
    if any(each.view.is_begun_anew for each in found):
        messages.append("the earlier page is for other weights, directions or examples, so its values were not reused")
    wanted = sum(min(_measured_point(record)[1].points, each.grid.point_count) for each in found)
    known = sum(len(each.values) for each in found)
    if record.ending and record.ending.reason == EndReason.INTERRUPTED and known < wanted:
        messages.append(f"{known} of {count(wanted, 'value')} were computed; run the same command again to continue")
    return messages


def _measured_point(record: Record) -> tuple[str, facts.SurfacePoint]:
    """Return the label of the only step of the run with measurements, and these measurements."""
    (found,) = record.every(facts.SurfacePoint).items()
    return found


def _contours_panel(each: Slice, label: str) -> Panel:
    """Return a panel with the contours of the loss on a plane in parameter space."""
    first, second = map(_axis_title, each.view.axes)
    return contour_panel(f"Loss around the {label} weights", each.grid, (first, second), each.path)


def _line_panels(found: list[Slice], label: str) -> list[Panel]:
    """Return panels of the loss along lines. Random lines share a panel, because their axes have the same unit."""
    marks = found[0].view.marks or {f"the {label} weights": 0.0}
    axes = [each.view.axes[0] for each in found]
    is_between = axes[0].kind == "chord"
    title = f"Loss from {_direction_name(axes[0])}" if is_between else f"Loss around the {label} weights"
    if axes[0].kind == "random":
        lines = {f"{_direction_name(axis)} direction": each.grid for axis, each in zip(axes, found)}
        return [lines_panel(title, lines, "distance along the direction, in filter norms", marks)]
    return [
        lines_panel(title, {_direction_name(axis): each.grid}, _axis_title(axis), marks)
        for axis, each in zip(axes, found)
    ]


def _axis_title(axis: facts.Axis) -> str:
    """Return the title of an axis of the plot, which names the direction and its unit."""
    match axis.kind:
        case "random":
            return f"{_direction_name(axis)} direction, in filter norms"
        case "eigenvector":
            return f"distance along an eigenvector of the Hessian, {_direction_name(axis)}"
        case "principal":
            share = percent(axis.share or 0.0)
            name = _direction_name(axis)
            return f"distance along the {name} direction ({share} of the path's squared distances)"
    return "distance on the line from {} to {}".format(*axis.ends)


def _direction_name(axis: facts.Axis) -> str:
    """Return a short name of a direction in parameter space, such as `λ = 3.2` or `first random`."""
    match axis.kind:
        case "eigenvector":
            return f"λ = {_eigenvalue_text(axis)}"
        case "chord":
            return " to ".join(axis.ends)
    return f"{ORDINALS[axis.number - 1]} {axis.kind}"


def _eigenvalue_text(axis: facts.Axis) -> str:
    """Return the Hessian eigenvalue of a direction as text; "" if it is not known."""
    return "" if axis.value is None else number(axis.value)


def _surface_table(found: list[Slice], point: facts.SurfacePoint, label: str) -> Table:
    """Return a table with the loss at the centre, and the lowest and highest loss on each plane or line."""
    rows = []
    for each in found:
        finite = sorted((value, place) for value, place in zip(each.values, each.places) if isfinite(value))
        ends = ["", "", ""]
        if finite:
            at = ", ".join(map(number, each.grid.position(finite[0][1])))
            ends = [number(finite[0][0]), at, number(finite[-1][0])]
        rows.append((_direction_text(each), str(len(each.values)), number(float(point.loss)), *ends))
    head = ("direction", "points computed", "loss", "lowest", "at", "highest")
    return Table(f"Loss around the {label} weights", head, rows, numeric=frozenset({1, 2, 3, 5}))


def _direction_text(each: Slice) -> str:
    """Return the name of a plane, or of the direction of a line, for the first column of the table."""
    axes = each.view.axes
    if len(axes) == 1:
        return _direction_name(axes[0])
    match axes[0].kind:
        case "random":
            return "random directions"
        case "principal":
            return "plane of the path"
    return "λ = " + ", ".join(map(_eigenvalue_text, axes))


def _caption(found: list[Slice], point: facts.SurfacePoint, label: str) -> str:
    """Return the figure's caption, which says how the losses were computed and what the axes are."""
    computed = sum(len(each.values) for each in found)
    parts = [
        f"The loss on the same {count(point.examples, 'example')}, {_mode_text(point)}, computed at "
        f"{count(computed, 'point')} and interpolated between them. The points are denser where the loss is curved.",
        _directions_text(found[0], point, label),
    ]
    if len(found[0].grid.ranges) == 2 and found[0].path is not None:
        parts.append(_path_text(found[0]))
    return " ".join(part for part in parts if part)


def _mode_text(point: facts.SurfacePoint) -> str:
    """Return a phrase that says whether the model was in training or in evaluation mode."""
    if point.evaluation:
        return "in evaluation mode"
    return "in training mode with the same random numbers at every point" if point.draws else "in training mode"


def _directions_text(each: Slice, point: facts.SurfacePoint, label: str) -> str:
    """Return the sentences of the caption that describe the directions of the axes."""
    match point.directions:
        case "random":
            return (
                f"0 is at the {label} weights. At distance 1, each filter of a layer has changed by its own norm; "
                "biases do not change (Li et al. 2018). Other random directions look different."
            )
        case "eigenvectors":
            return (
                f"0 is at the {label} weights. The axes are distances in parameter space along eigenvectors of the "
                "Hessian. They end where the quadratic approximation of the loss is twice the loss at 0."
            )
    if point.directions == "through":
        return (
            f"The loss of weights on the line from the {label} weights of this run to those of the file, on the "
            "examples of this run. The curve shows how wide both minima are and how high the loss is between them "
            "(Goodfellow et al. 2015)."
        )
    if each.view.marks is not None:
        return "The weights are on the line through the first and the last weights of the run, which is not its path."
    share, chance = sum(axis.share or 0.0 for axis in each.view.axes), each.view.by_chance or 0.0
    return (
        "The axes of the plane are the first two principal components of the path (Li et al. 2018). They explain "
        f"{percent(share, 1)} of the squared distances from the {label} weights, compared with {percent(chance, 1)} "
        "for a random walk."
    )


def _path_text(each: Slice) -> str:
    """Return the sentence of the caption about the projection of the run's path onto the plane."""
    if each.view.by_chance is not None:
        return "The path is projected onto the plane, so the actual loss of the run differs from the loss shown."
    steps, held = each.view.trail.steps, each.view.trail.held or 0.0
    return (
        f"The path from step {steps[0]} to {steps[-1]} is projected onto the plane. The projection keeps "
        f"{percent(held, 1)} of the sum of squared distances from 0."
    )
