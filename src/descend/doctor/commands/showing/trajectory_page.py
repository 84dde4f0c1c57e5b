"""The page of trajectories: contours with a line for each rule, their cost below, and what plays them."""

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descend.doctor.commands.showing.trajectory_tables import point
from descend.doctor.report.document import Figures, render, write_whole
from descend.doctor.report.figure import MARGIN, Figure, Key, Panel, Trace, words
from descend.doctor.report.wording import number
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.trajectories import Surface, Trajectory

TONES = ("cause", "cure", "third", "fourth", "ink", "fifth")
DASHES = {"line": "solid", "dash": "dash", "dotted": "dot"}  # the legend's word -> Plotly's
MOST_LINES = len(TONES) * len(DASHES)  # more cannot be told apart
CELLS = (201, 101)  # where the cost is computed for the contours
LEVELS = 22  # contours
SOFTENING = 1e-3  # of the cost's range: contours lie even in log(cost − lowest + this share)
WIDE = 3.0  # a window more oblong than this is not drawn to scale
HEIGHTS = (300, 620)  # pixels
WIDTH = 900  # pixels that a wide screen leaves between the axes, about


def style(index: int, one: "Trajectory") -> tuple[str, str]:
    """Return tone and style of a line, all of them different up to `MOST_LINES`; an equation's is upon its rule's."""
    return ("ink", "dotted") if one.is_equation else (TONES[index % len(TONES)], list(DASHES)[index // len(TONES)])


def label(found: "Trajectory") -> str:
    """Return the rule and its rate."""
    return f"{found.rule.text}, {found.rule.lr:g}"


def write_page(
    surface: "Surface", found: "list[Trajectory]", starts: Any, words_of_page: dict[str, Any], path: Path
) -> None:
    """Write the page. Raises `UsageError` when it cannot be written."""
    figures = Figures()
    figure = figures.take(Figure((_map(surface, found, starts), _curves(surface, found)), _caption(surface)))
    page = render(
        "trajectories.html",
        figures,
        figure=figure,
        steps=found[0].cost.shape[1] - 1,
        starts=[point(start) for start in starts.tolist()],
        numbers=_numbers(surface, found, starts),
        **words_of_page,
    )
    write_whole(page, path)


def _map(surface: "Surface", found: "list[Trajectory]", starts: Any) -> Panel:
    (left, right), (low, high) = surface.window
    minima = _marks([m[0] for m in surface.minima], [m[1] for m in surface.minima], "star", "soft", 11, "minimum")
    others = _marks(*_columns(starts), "circle-open", "faint", 5, "start")
    chosen = _marks(*_columns(starts[:1]), "circle-open", "ink", 12, "start")
    lines = [_line(k, one, *_columns(one.points[0])) for k, one in enumerate(found)]
    heads = _heads(found, [one.points[0, _last(one)].tolist() for one in found])
    to_scale: dict[str, Any] = {"scaleanchor": "x", "constrain": "domain"} if _is_to_scale(surface) else {}
    x, y = surface.axes
    return Panel(
        f"Contours of the cost over {x} and {y}",
        (_contours(surface), minima, others, chosen, *lines, heads),
        tuple(Key(label(one), *style(k, one)) for k, one in enumerate(found)),
        x_title=x,
        x={"range": [left, right], "constrain": "domain"},
        y={"range": [low, high], "title": {"text": y, "standoff": 4}, "showgrid": False, **to_scale},
        height=_height(surface),
    )


def _shape(surface: "Surface") -> float:
    """Return the window's width over its height."""
    (left, right), (low, high) = surface.window
    return (right - left) / (high - low)


def _is_to_scale(surface: "Surface") -> bool:
    return 1 / WIDE <= _shape(surface) <= WIDE


def _height(surface: "Surface") -> int:
    """Return the pixels that a wide screen has for the contours."""
    return int(min(max(WIDTH / _shape(surface) + MARGIN["t"] + MARGIN["b"], HEIGHTS[0]), HEIGHTS[1]))


def _curves(surface: "Surface", found: "list[Trajectory]") -> Panel:
    """Return the cost over the steps; above the lowest where that is known."""
    steps = list(range(found[0].cost.shape[1]))
    known = surface.lowest
    traces = [_line(k, one, steps, surface.above(one.cost[0]).tolist()) for k, one in enumerate(found)]
    heads = _heads(found, [[steps[-1], float(surface.above(one.cost[0, -1]))] for one in found])
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
    """Tell whether no cost is negative: a cost of a square or a logarithm, to be seen by its decades."""
    return not any(bool((one.cost[0] < 0).any()) for one in found)


def _columns(points: Any) -> tuple[list[float], list[float]]:
    x, y = points.unbind(-1)
    return x.tolist(), y.tolist()


def _last(one: "Trajectory") -> int:
    return int(one.cost[0].isfinite().int().cumsum(0).argmax())


def _line(index: int, one: "Trajectory", x: list[Any], y: list[float]) -> Trace:
    tone, dash = style(index, one)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": words(label(one)),
        "line": {"color": tone, "width": 2, "dash": DASHES[dash]},
        "hovertemplate": "%{x:.4g}, %{y:.4g}",
    }


def _heads(found: "list[Trajectory]", ends: list[list[float]]) -> Trace:
    tones = [style(k, one)[0] for k, one in enumerate(found)]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [end[0] for end in ends],
        "y": [end[1] for end in ends],
        "marker": {"size": 9, "color": tones, "line": {"color": "paper", "width": 1.5}},
        "hoverinfo": "skip",
    }


def _marks(x: list[float], y: list[float], symbol: str, tone: str, size: int, name: str) -> Trace:
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


def _contours(surface: "Surface") -> Trace:
    x, y, cost = surface.grid(CELLS)
    seen = cost[cost.isfinite()]
    if not len(seen):
        raise UsageError(f"{surface.name} is nowhere finite in the window; choose another with --window")
    low = float(seen.min()) if surface.lowest is None else min(surface.lowest, float(seen.min()))
    spread = float(seen.max()) - low or 1.0
    height = ((cost - low) / spread + SOFTENING).log10()
    ends = float(height[height.isfinite()].min()), float(height[height.isfinite()].max())
    step = (ends[1] - ends[0] or 1.0) / LEVELS
    return {
        "type": "contour",
        "x": _rounded(x.tolist()),
        "y": _rounded(y.tolist()),
        "z": [_rounded(row) for row in height.tolist()],
        "customdata": [_rounded(row) for row in cost.tolist()],
        "contours": {"coloring": "none", "start": ends[0] + step / 2, "end": ends[1], "size": step},
        "line": {"color": "faint", "width": 0.8},
        "showscale": False,
        "hovertemplate": "%{x:.4g}, %{y:.4g}: cost %{customdata:.4g}",
        "name": "",
    }


def _rounded(values: list[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _numbers(surface: "Surface", found: "list[Trajectory]", starts: Any) -> str:
    """Return the trajectories from all starts, as the page's script reads them."""
    from descend.trajectories import packed

    before = 4  # traces ahead of the lines in the first chart
    held = {
        "steps": found[0].cost.shape[1] - 1,
        "starts": starts.tolist(),
        "start": before - 1,
        "shape": _shape(surface) if _is_to_scale(surface) else None,
        "height": _height(surface),
        "lines": [{"map": before + k, "curves": k} for k in range(len(found))],
        "heads": {"map": before + len(found), "curves": len(found)},
        "numbers": b64encode(packed(surface, found)).decode(),
    }
    return json.dumps(held, allow_nan=False)


def _caption(surface: "Surface") -> str:
    minima = " Stars are the known minima." if surface.minima else ""
    return (
        "Above, lines of equal cost, drawn at even distances of the logarithm of the cost above the lowest, and where "
        f"each rule goes.{minima} Play shows it step by step. Small circles are the starts that were computed: click "
        "next to one to begin there. Click a rule's name to leave it out. Below, the cost after each step, without "
        "noise."
    )
