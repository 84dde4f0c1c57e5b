"""A cost upon one or two directions of its parameters: contours with the run's path upon them, or lines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from descend.doctor.report.figure import MARGIN, MOST_TICKS, Key, Panel, Trace, value_axis, words
from descend.doctor.report.wording import count, number
from descend.ground.grid import Grid
from descend.ground.scale import Scale

SHADES = [[0, "depth"], [0.3, "slope"], [0.65, "shelf"], [1, "height"]]  # from the lowest cost to the highest
LEVELS = 24  # contours, about
DIGITS = 5  # of what is drawn
MOST_DRAWN = 256  # points of a line
BAR = 72  # pixels for the key of the shades
HEIGHT, LINE_HEIGHT = 520, 300
TONES = ("cure", "cause", "third", "fourth", "ink")


@dataclass(frozen=True)
class Trail:
    """Where a run went: positions on the picture's two axes, and the steps at which it was there."""

    positions: Sequence[tuple[float, float]]
    steps: Sequence[int]


def contour_panel(title: str, grid: Grid, axes: tuple[str, str], trail: Trail | None = None) -> Panel:
    """Return a cost over two axes, which have these titles; `trail` is drawn upon it."""
    scale = grid.scale()
    traces, keys = [_contours(grid, scale), _computed(grid)], [Key("where it was computed", "contour", "dot")]
    if trail is not None:
        traces += _path(trail)
        ends = zip((trail.steps[0], trail.steps[-1]), ("ring", "dot"))
        keys += [Key("the run", "cause"), *(Key(f"at step {step}", "cause", style) for step, style in ends)]
    return Panel(
        title,
        tuple(traces),
        (*keys, *_gaps([grid]), *_cap(scale)),
        x_title=axes[0],
        x={"range": list(grid.ranges[0]), "showgrid": False, "automargin": True},
        y={"range": list(grid.ranges[1]), "showgrid": False, "title": {"text": axes[1], "standoff": 6}},
        height=HEIGHT,
        margin={**MARGIN, "r": BAR},
    )


def lines_panel(title: str, grids: Mapping[str, Grid], x_title: str, marks: Mapping[str, float]) -> Panel:
    """Return a cost along some directions, each by its name; `marks` are places on the axis with a name."""
    tones, dots = dict(zip(grids, TONES)), Key("where it was computed", "ink", "dot")
    values = [value for grid in grids.values() for value in grid.values.values()]
    shapes = tuple(_mark(at) for at in marks.values())
    named = tuple(Key(f"{name}, at {number(at)}", "ink", "dash") for name, at in marks.items())
    return Panel(
        title,
        tuple(trace for name, grid in grids.items() for trace in _line(name, grid, tones[name])),
        (*(Key(name, tones[name]) for name in grids if len(grids) > 1), dots, *named, *_gaps(list(grids.values()))),
        x_title=x_title,
        shapes=shapes,
        y=value_axis(values),
        height=LINE_HEIGHT,
    )


def _contours(grid: Grid, scale: Scale) -> Trace:
    rows = grid.drawn(scale)
    places = range(grid.cells + 1)
    x, y = ([grid.position((k, k))[axis] for k in places] for axis in range(2))
    ticks = _ticks(scale)
    return {
        "type": "contour",
        "x": [_rounded(value) for value in x],
        "y": [_rounded(value) for value in y],
        "z": [[_rounded(value) for value in row] for row in rows],
        "text": [[number(scale.value(v)) if v == v else "" for v in row] for row in rows] if scale.is_log else None,
        "colorscale": SHADES,
        **_levels(scale),
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


def _levels(scale: Scale) -> Trace:
    """Return where the contours are: at values that Plotly finds round, or at equal parts of decades."""
    if not scale.is_log:
        return {"ncontours": LEVELS, "contours": {"coloring": "fill"}}
    low, high = scale(scale.low), scale(scale.high)
    size = 2.0 ** math.ceil(math.log2((high - low) / LEVELS))
    return {"contours": {"coloring": "fill", "start": math.ceil(low / size) * size, "end": high, "size": size}}


def _computed(grid: Grid) -> Trace:
    """Return where the cost was computed, as dots that can be seen when looked for."""
    positions = [grid.position(place) for place, value in grid.values.items() if math.isfinite(value)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [_rounded(x) for x, _ in positions],
        "y": [_rounded(y) for _, y in positions],
        "marker": {"size": 2, "color": "contour"},
        "hoverinfo": "skip",
    }


def _ticks(scale: Scale) -> list[float]:
    """Return round values for the key of a logarithmic scale; none where Plotly's own will do."""
    low, high = scale(scale.low), scale(scale.high)
    if not scale.is_log:
        return []
    stride = max(1, math.ceil((high - low) / MOST_TICKS))
    powers = [10.0**k for k in range(math.ceil(low), math.floor(high) + 1, stride)]
    return powers or [scale.low, scale.high]


def _path(trail: Trail) -> list[Trace]:
    x, y = ([position[axis] for position in trail.positions] for axis in range(2))
    steps = [f"step {step}" for step in trail.steps]
    line: Trace = {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip"}
    dots = {"size": 4, "color": "cause", "line": {"width": 0}}
    ends = {
        "size": 11,
        "color": ["paper", "cause"],
        "line": {"width": 2.5, "color": ["cause", "paper"]},
    }
    along: Trace = {"type": "scatter", "hovertemplate": "%{text}<extra></extra>"}
    return [
        {**line, "line": {"width": 5, "color": "paper"}, "opacity": 0.7},  # sets it off from any shade
        {**along, "mode": "lines+markers", "x": x, "y": y, "text": steps, "marker": dots}
        | {"line": {"width": 2, "color": "cause"}},
        {**along, "mode": "markers", "x": [x[0], x[-1]], "y": [y[0], y[-1]], "text": [steps[0], steps[-1]]}
        | {"marker": ends},
    ]


def _line(name: str, grid: Grid, tone: str) -> list[Trace]:
    """Return what was computed as dots and the line through them."""
    scale = replace(grid.scale(), high=max(filter(math.isfinite, grid.values.values()), default=1.0))
    (row,) = grid.drawn(scale)
    places = range(0, grid.cells + 1, grid.cells // MOST_DRAWN)
    drawn = [(grid.position((k,))[0], scale.value(row[k])) for k in places]
    known = [(grid.position(place)[0], value) for place, value in sorted(grid.values.items())]
    look: Trace = {"type": "scatter", "name": words(name)}
    traces: list[Trace] = []
    for points, own in (
        (drawn, {"mode": "lines", "line": {"color": tone, "width": 2}, "hoverinfo": "skip"}),
        (known, {"mode": "markers", "marker": {"size": 4, "color": tone}, "hovertemplate": "%{x:.3g}: %{y:.4g}"}),
    ):
        traces.append({**look, "x": [_rounded(x) for x, _ in points], "y": [y for _, y in points], **own})
    return traces


def _mark(at: float) -> Trace:
    ends = {"x0": at, "x1": at, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
    return {"type": "line", **ends, "line": {"color": "ink", "width": 1.25, "dash": "dash"}}


def _gaps(grids: Sequence[Grid]) -> tuple[Key, ...]:
    """Return a remark on what is not finite; none where all is."""
    values = [value for grid in grids for value in grid.values.values()]
    broken = sum(not math.isfinite(value) for value in values)
    text = f"infinite or no number at {number(broken)} of {count(len(values), 'place')}: left blank"
    return (Key(text, "cause", "mark"),) if broken else ()


def _cap(scale: Scale) -> tuple[Key, ...]:
    text = f"what lies above {number(scale.high)} has the shade of {number(scale.high)}"
    return (Key(text, "soft", "mark"),) if scale.is_capped else ()


def _rounded(value: float) -> Any:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
