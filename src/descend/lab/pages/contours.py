"""Panels of the loss along one or two directions of the parameters: lines, or contours with the path of the run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from descend.core.grid import Grid
from descend.core.scale import Scale
from descend.doctor.report.figure import MARGIN, MOST_TICKS, Key, Panel, Trace, chart_label, value_axis
from descend.doctor.report.formatting import count, number

SHADES = [[0, "depth"], [0.3, "slope"], [0.65, "shelf"], [1, "height"]]  # colours from the lowest cost to the highest
LEVELS = 24  # approximate number of contours
DIGITS = 5  # number of significant digits of drawn values
MOST_DRAWN = 256  # maximum number of segments in the curve of a loss along a line
COLORBAR_WIDTH = 72  # width of the colour bar in pixels
HEIGHT, LINE_HEIGHT = 520, 300
TONES = ("cure", "cause", "third", "fourth", "ink")


@dataclass(frozen=True)
class RunPath:
    """The path of a run: its coordinates in a contour plot, and the step number at each position."""

    positions: Sequence[tuple[float, float]]
    steps: Sequence[int]


def contour_panel(title: str, grid: Grid, axes: tuple[str, str], path: RunPath | None = None) -> Panel:
    """Return a contour plot of the loss over two directions of the parameters, with the path of the run.

    axes: the titles of both axes.
    """
    scale = grid.scale()
    traces, keys = (
        [_contour_trace(grid, scale), _computed_points_trace(grid)],
        [Key("computed points", "contour", "dot")],
    )
    if path is not None:
        traces += _path_traces(path)
        ends = zip((path.steps[0], path.steps[-1]), ("ring", "dot"))
        keys += [Key("the run", "cause"), *(Key(f"at step {step}", "cause", style) for step, style in ends)]
    return Panel(
        title,
        tuple(traces),
        (*keys, *_gaps_remark([grid]), *_cap_remark(scale)),
        x_title=axes[0],
        x={"range": list(grid.ranges[0]), "showgrid": False, "automargin": True},
        y={"range": list(grid.ranges[1]), "showgrid": False, "title": {"text": axes[1], "standoff": 6}},
        height=HEIGHT,
        margin={**MARGIN, "r": COLORBAR_WIDTH},
    )


def lines_panel(title: str, grids: Mapping[str, Grid], x_title: str, marks: Mapping[str, float]) -> Panel:
    """Return a panel that plots the loss along each named direction. `marks`: named positions on the x axis."""
    tones, dots = dict(zip(grids, TONES)), Key("computed points", "ink", "dot")
    values = [value for grid in grids.values() for value in grid.values.values()]
    shapes = tuple(_vertical_mark(at) for at in marks.values())
    named = tuple(Key(f"{name}, at {number(at)}", "ink", "dash") for name, at in marks.items())
    return Panel(
        title,
        tuple(trace for name, grid in grids.items() for trace in _line_traces(name, grid, tones[name])),
        (
            *(Key(name, tones[name]) for name in grids if len(grids) > 1),
            dots,
            *named,
            *_gaps_remark(list(grids.values())),
        ),
        x_title=x_title,
        shapes=shapes,
        y=value_axis(values),
        height=LINE_HEIGHT,
    )


def _contour_trace(grid: Grid, scale: Scale) -> Trace:
    """Return the Plotly trace with the filled contours of the interpolated loss."""
    rows = grid.interpolated_rows(scale)
    places = range(grid.cells + 1)
    x, y = ([grid.position((k, k))[axis] for k in places] for axis in range(2))
    ticks = _colour_bar_ticks(scale)
    return {
        "type": "contour",
        "x": [_rounded_value(value) for value in x],
        "y": [_rounded_value(value) for value in y],
        "z": [[_rounded_value(value) for value in row] for row in rows],
        "text": [[number(scale.value_at(v)) if v == v else "" for v in row] for row in rows] if scale.is_log else None,
        "colorscale": SHADES,
        **_contour_levels(scale),
        "line": {"width": 0.6, "color": "contour"},
        "zmin": scale(scale.low),
        "zmax": scale(scale.high),
        "connectgaps": False,
        "hovertemplate": "%{x:.3g}, %{y:.3g}: " + ("%{text}" if scale.is_log else "%{z:.4g}") + "<extra></extra>",
        "colorbar": {
            "thickness": 12,
            "outlinewidth": 0,
            "xpad": 12,
            "ypad": 0,
            "tickfont": {"size": 12, "color": "soft"},
            "exponentformat": "power",
            **({"tickvals": [scale(v) for v in ticks], "ticktext": [number(v) for v in ticks]} if ticks else {}),
        },
    }


def _contour_levels(scale: Scale) -> Trace:
    """Return the settings of the contour levels: round values, or equal steps of the logarithm on a log scale."""
    if not scale.is_log:
        return {"ncontours": LEVELS, "contours": {"coloring": "fill"}}
    low, high = scale(scale.low), scale(scale.high)
    size = 2.0 ** math.ceil(math.log2((high - low) / LEVELS))
    return {"contours": {"coloring": "fill", "start": math.ceil(low / size) * size, "end": high, "size": size}}


def _computed_points_trace(grid: Grid) -> Trace:
    """Return the Plotly trace with a small dot at each point where the loss was computed."""
    positions = [grid.position(place) for place, value in grid.values.items() if math.isfinite(value)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [_rounded_value(x) for x, _ in positions],
        "y": [_rounded_value(y) for _, y in positions],
        "marker": {"size": 2, "color": "contour"},
        "hoverinfo": "skip",
    }


def _colour_bar_ticks(scale: Scale) -> list[float]:
    """Return the tick values of a logarithmic colour bar. Empty for a linear one, because Plotly chooses its ticks."""
    low, high = scale(scale.low), scale(scale.high)
    if not scale.is_log:
        return []
    stride = max(1, math.ceil((high - low) / MOST_TICKS))
    powers = [10.0**k for k in range(math.ceil(low), math.floor(high) + 1, stride)]
    return powers or [scale.low, scale.high]


def _path_traces(path: RunPath) -> list[Trace]:
    """Return the Plotly traces of the path of the run: a line with points, and marks at both ends."""
    x, y = ([position[axis] for position in path.positions] for axis in range(2))
    steps = [f"step {step}" for step in path.steps]
    line: Trace = {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip"}
    dots = {"size": 4, "color": "cause", "line": {"width": 0}}
    ends = {
        "size": 11,
        "color": ["paper", "cause"],
        "line": {"width": 2.5, "color": ["cause", "paper"]},
    }
    along: Trace = {"type": "scatter", "hovertemplate": "%{text}<extra></extra>"}
    return [
        # The line has a light outline, so that it is visible on every shade.
        {**line, "line": {"width": 5, "color": "paper"}, "opacity": 0.7},
        {**along, "mode": "lines+markers", "x": x, "y": y, "text": steps, "marker": dots}
        | {"line": {"width": 2, "color": "cause"}},
        {**along, "mode": "markers", "x": [x[0], x[-1]], "y": [y[0], y[-1]], "text": [steps[0], steps[-1]]}
        | {"marker": ends},
    ]


def _line_traces(name: str, grid: Grid, tone: str) -> list[Trace]:
    """Return the Plotly traces of the loss along a line: computed values as dots, and a curve through them."""
    scale = replace(grid.scale(), high=max(filter(math.isfinite, grid.values.values()), default=1.0))
    (row,) = grid.interpolated_rows(scale)
    places = range(0, grid.cells + 1, grid.cells // MOST_DRAWN)
    drawn = [(grid.position((k,))[0], scale.value_at(row[k])) for k in places]
    known = [(grid.position(place)[0], value) for place, value in sorted(grid.values.items())]
    look: Trace = {"type": "scatter", "name": chart_label(name)}
    traces: list[Trace] = []
    for points, own in (
        (drawn, {"mode": "lines", "line": {"color": tone, "width": 2}, "hoverinfo": "skip"}),
        (known, {"mode": "markers", "marker": {"size": 4, "color": tone}, "hovertemplate": "%{x:.3g}: %{y:.4g}"}),
    ):
        traces.append({**look, "x": [_rounded_value(x) for x, _ in points], "y": [y for _, y in points], **own})
    return traces


def _vertical_mark(at: float) -> Trace:
    """Return the Plotly shape of a dashed vertical line at a position on the x axis."""
    ends = {"x0": at, "x1": at, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
    return {"type": "line", **ends, "line": {"color": "ink", "width": 1.25, "dash": "dash"}}


def _gaps_remark(grids: Sequence[Grid]) -> tuple[Key, ...]:
    """Return a legend entry that counts the values that are not finite; empty if all are finite."""
    values = [value for grid in grids for value in grid.values.values()]
    broken = sum(not math.isfinite(value) for value in values)
    text = f"infinite or NaN at {number(broken)} of {count(len(values), 'point')}, which are left blank"
    return (Key(text, "cause", "mark"),) if broken else ()


def _cap_remark(scale: Scale) -> tuple[Key, ...]:
    """Return a legend entry that says where the colour scale ends; empty if it covers all values."""
    text = f"values above {number(scale.high)} have the same shade as {number(scale.high)}"
    return (Key(text, "soft", "mark"),) if scale.is_capped else ()


def _rounded_value(value: float) -> Any:
    """Return a value rounded to `DIGITS` significant digits; None if it is not finite."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
