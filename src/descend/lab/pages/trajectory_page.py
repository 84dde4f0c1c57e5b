"""The page of trajectories: contours with the path of each optimizer, its cost below, and controls for playback."""

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descend.core.errors import UsageError
from descend.doctor.report.document import Figures, render, write_document
from descend.doctor.report.figure import MARGIN, Figure, Key, Panel, Trace, chart_label
from descend.doctor.report.formatting import number
from descend.lab.pages.page import TEMPLATES
from descend.lab.pages.trajectory_tables import point_text

if TYPE_CHECKING:
    from descend.trajectories import Surface, Trajectory

TONES = ("cause", "cure", "third", "fourth", "ink", "fifth")
DASHES = {"line": "solid", "dash": "dash", "dotted": "dot"}  # our names of line styles and Plotly's names for them
MOST_LINES = len(TONES) * len(DASHES)  # largest number of lines that can be distinguished
GRID = (201, 101)  # number of points along each axis at which the cost is computed for the contours
LEVELS = 22  # number of contours
SOFTENING = 1e-3  # The contours are evenly spaced in log(cost − lowest cost + this share of the range of costs).
MOST_OBLONG = 3.0  # The axes of a window with a larger ratio of its sides have different scales.
HEIGHTS = (300, 620)  # smallest and largest height of the plot, in pixels
WIDTH = 900  # approximate width of the plot on a wide screen, in pixels


def line_style(index: int, one: "Trajectory") -> tuple[str, str]:
    """Return the colour and the dash style of an optimizer's line; solutions of differential equations are dotted."""
    return ("ink", "dotted") if one.is_equation else (TONES[index % len(TONES)], list(DASHES)[index // len(TONES)])


def trajectory_label(found: "Trajectory") -> str:
    """Return the label of a trajectory: the name of the optimizer and its learning rate."""
    return f"{found.rule.text}, {found.rule.lr:g}"


def write_page(surface: "Surface", found: "list[Trajectory]", starts: Any, texts: dict[str, Any], path: Path) -> None:
    """Write the HTML page with the trajectories. Raise `UsageError` if it cannot be written."""
    figures = Figures()
    figure = figures.add(
        Figure((_contour_panel(surface, found, starts), _cost_panel(surface, found)), _caption(surface))
    )
    page = render(
        "trajectories.html",
        figures,
        folder=TEMPLATES,
        figure=figure,
        steps=found[0].cost.shape[1] - 1,
        starts=[point_text(start) for start in starts.tolist()],
        numbers=_trajectories_json(surface, found, starts),
        **texts,
    )
    write_document(page, path)


def _contour_panel(surface: "Surface", found: "list[Trajectory]", starts: Any) -> Panel:
    """Return the panel with the contours of the cost, the minima, the starts and the trajectories."""
    (left, right), (low, high) = surface.window
    minima = _point_markers(
        [m[0] for m in surface.minima], [m[1] for m in surface.minima], "star", "soft", 11, "minimum"
    )
    others = _point_markers(*_coordinates(starts), "circle-open", "faint", 5, "start")
    chosen = _point_markers(*_coordinates(starts[:1]), "circle-open", "ink", 12, "start")
    lines = [_line_trace(k, one, *_coordinates(one.points[0])) for k, one in enumerate(found)]
    heads = _end_markers(found, [one.points[0, _last_finite_step(one)].tolist() for one in found])
    to_scale: dict[str, Any] = {"scaleanchor": "x", "constrain": "domain"} if _is_to_scale(surface) else {}
    x, y = surface.axes
    return Panel(
        f"Contours of the cost over {x} and {y}",
        (_contour_trace(surface), minima, others, chosen, *lines, heads),
        tuple(Key(trajectory_label(one), *line_style(k, one)) for k, one in enumerate(found)),
        x_title=x,
        x={"range": [left, right], "constrain": "domain"},
        y={"range": [low, high], "title": {"text": y, "standoff": 4}, "showgrid": False, **to_scale},
        height=_height(surface),
    )


def _aspect_ratio(surface: "Surface") -> float:
    """Return the ratio of the width of the plotted window to its height, in the units of the axes."""
    (left, right), (low, high) = surface.window
    return (right - left) / (high - low)


def _is_to_scale(surface: "Surface") -> bool:
    """Return whether both axes of the contour plot are drawn to the same scale."""
    return 1 / MOST_OBLONG <= _aspect_ratio(surface) <= MOST_OBLONG


def _height(surface: "Surface") -> int:
    """Return the height of the contour plot on a wide screen, in pixels."""
    return int(min(max(WIDTH / _aspect_ratio(surface) + MARGIN["t"] + MARGIN["b"], HEIGHTS[0]), HEIGHTS[1]))


def _cost_panel(surface: "Surface", found: "list[Trajectory]") -> Panel:
    """Return a panel that plots the cost against the steps, minus the lowest cost if this is known."""
    steps = list(range(found[0].cost.shape[1]))
    known = surface.lowest
    traces = [
        _line_trace(k, one, steps, surface.cost_above_minimum(one.cost[0]).tolist()) for k, one in enumerate(found)
    ]
    heads = _end_markers(found, [[steps[-1], float(surface.cost_above_minimum(one.cost[0, -1]))] for one in found])
    bar = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": steps[-1], "x1": steps[-1]}
    log: dict[str, Any] = {"type": "log", "exponentformat": "power", "nticks": 7}
    return Panel(
        "Cost" if known is None else "Cost" if known == 0 else f"Cost above the lowest, {number(known)}",
        (*traces, heads),
        shapes=({**bar, "line": {"color": "faint", "width": 1}},),
        y=log if known is not None or _is_positive(found) else {},
        height=260,
    )


def _is_positive(found: "list[Trajectory]") -> bool:
    """Return whether no cost of the trajectories is negative, so that a logarithmic axis can be used."""
    return not any(bool((one.cost[0] < 0).any()) for one in found)


def _coordinates(points: Any) -> tuple[list[float], list[float]]:
    """Return a list of the x coordinates and a list of the y coordinates of points."""
    x, y = points.unbind(-1)
    return x.tolist(), y.tolist()


def _last_finite_step(one: "Trajectory") -> int:
    """Return the index of the last finite cost on the trajectory from the default start."""
    return int(one.cost[0].isfinite().int().cumsum(0).argmax())


def _line_trace(index: int, one: "Trajectory", x: list[Any], y: list[float]) -> Trace:
    """Return the Plotly trace of one optimizer's line: its trajectory or its cost."""
    tone, dash = line_style(index, one)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": chart_label(trajectory_label(one)),
        "line": {"color": tone, "width": 2, "dash": DASHES[dash]},
        "hovertemplate": "%{x:.4g}, %{y:.4g}",
    }


def _end_markers(found: "list[Trajectory]", ends: list[list[float]]) -> Trace:
    """Return the Plotly trace of markers at the ends of the optimizers' lines."""
    tones = [line_style(k, one)[0] for k, one in enumerate(found)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [end[0] for end in ends],
        "y": [end[1] for end in ends],
        "marker": {"size": 9, "color": tones, "line": {"color": "paper", "width": 1.5}},
        "hoverinfo": "skip",
    }


def _point_markers(x: list[float], y: list[float], symbol: str, tone: str, size: int, name: str) -> Trace:
    """Return the Plotly trace of markers at the minima or at the starting points."""
    marker = {"symbol": symbol, "size": size, "color": tone, "line": {"color": tone, "width": 1.5}}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "name": name,
        "marker": marker,
        "hovertemplate": "%{x:.4g}, %{y:.4g}",
    }


def _contour_trace(surface: "Surface") -> Trace:
    """Return the Plotly trace of the contours of the cost in the plotted window."""
    x, y, cost = surface.grid(GRID)
    seen = cost[cost.isfinite()]
    if not len(seen):
        raise UsageError(f"{surface.name} is not finite anywhere in the window; choose another window with --window")
    low = float(seen.min()) if surface.lowest is None else min(surface.lowest, float(seen.min()))
    spread = float(seen.max()) - low or 1.0
    height = ((cost - low) / spread + SOFTENING).log10()
    ends = float(height[height.isfinite()].min()), float(height[height.isfinite()].max())
    step = (ends[1] - ends[0] or 1.0) / LEVELS
    return {
        "type": "contour",
        "x": _rounded_values(x.tolist()),
        "y": _rounded_values(y.tolist()),
        "z": [_rounded_values(row) for row in height.tolist()],
        "customdata": [_rounded_values(row) for row in cost.tolist()],
        "contours": {"coloring": "none", "start": ends[0] + step / 2, "end": ends[1], "size": step},
        "line": {"color": "faint", "width": 0.8},
        "showscale": False,
        "hovertemplate": "%{x:.4g}, %{y:.4g}: cost %{customdata:.4g}",
        "name": "",
    }


def _rounded_values(values: list[float]) -> list[float]:
    """Return numbers rounded to five significant digits."""
    return [float(f"{value:.5g}") for value in values]


def _trajectories_json(surface: "Surface", found: "list[Trajectory]", starts: Any) -> str:
    """Return the trajectories from all starting points as JSON text for the script of the page."""
    from descend.trajectories import packed

    first = 4  # index of the first trajectory among the traces of the contour plot
    data = {
        "steps": found[0].cost.shape[1] - 1,
        "starts": starts.tolist(),
        "start": first - 1,
        "shape": _aspect_ratio(surface) if _is_to_scale(surface) else None,
        "height": _height(surface),
        "lines": [{"map": first + k, "curves": k} for k in range(len(found))],
        "heads": {"map": first + len(found), "curves": len(found)},
        "numbers": b64encode(packed(surface, found)).decode(),
    }
    return json.dumps(data, allow_nan=False)


def _caption(surface: "Surface") -> str:
    """Return the caption of the page, with instructions for its controls."""
    minima = " Stars are the known minima." if surface.minima else ""
    return (
        "Top: contours of the cost, evenly spaced in the logarithm of the cost above the lowest, with the path of each "
        f"optimizer.{minima} Press Play to see the steps. Small circles are other starts: click next to one to start "
        "there. Click an optimizer's name to hide it. Bottom: the cost after each step, without noise."
    )
