"""Charts as plain data, in the shape that Plotly's JavaScript reads.

Headings, legends and captions are text of the page, not of the chart: they wrap and print as text does.
Colours are names of tones (`cause`, `cure`, `ink`, …); the page knows what they are in light and in dark.
Built without the plotly package's own classes, whose import alone takes longer than a report.
"""

import html
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from descend.doctor.record import Series
from descend.doctor.report.wording import number, one_line
from descend.ground.scale import needs_log

MOST_POINTS = 1200  # more cannot be told apart on a screen
ROUND = ((0.7, (1, 1.5, 2, 3, 4, 5, 6, 8)), (1.5, (1, 2, 5)), (math.inf, (1,)))  # up to so many decades
MOST_TICKS = 5  # labelled powers of ten on such an axis
MARKED_POINTS = 40  # so few points are drawn as points, not only as a line
STEPS = "optimizer step"
STEPS_PAD = 0.015  # of the range of steps, free at both ends
POWER_SIZE = 10  # Plotly draws powers of ten a quarter larger than other labels
MARGIN = {"l": 56, "r": 10, "t": 8, "b": 42}  # pixels; alike in all panels, so that their steps line up

Trace = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """One entry of a panel's legend. style: line, dash, dotted, dot, ring, band, block, or mark for a remark."""

    label: str
    tone: str
    style: str = "line"


@dataclass(frozen=True)
class Panel:
    """One pair of axes with its traces, heading and legend. x, y: settings of the axes, in Plotly's words."""

    title: str
    traces: tuple[Trace, ...]
    keys: tuple[Key, ...] = ()
    x_title: str = STEPS
    shapes: tuple[Trace, ...] = ()
    x: Mapping[str, Any] = field(default_factory=dict)
    y: Mapping[str, Any] = field(default_factory=dict)
    height: int = 220
    margin: Mapping[str, float] = field(default_factory=lambda: MARGIN)

    def plotly(self, x: Mapping[str, Any]) -> dict[str, Any]:
        """Return `data` and `layout` for Plotly, as JSON values only (null for what is not finite).

        x: what the panel shares with the others of its figure.
        """
        layout = {
            "height": self.height,
            "margin": dict(self.margin),
            "xaxis": {"title": {"text": self.x_title, "standoff": 6}, **x, **self.x},
            "yaxis": {**self.y, "showticklabels": self._has_values()},
            "shapes": list(self.shapes),
            "meta": {"title": self.title},
        }
        return json_values({"data": list(self.traces), "layout": layout})

    def _has_values(self) -> bool:
        """Tell whether anything is drawn; an empty axis would be labelled with made-up values."""
        drawn = (value for trace in self.traces for value in trace["y"])
        return any(isinstance(value, str) or (value is not None and math.isfinite(value)) for value in drawn)


@dataclass(frozen=True)
class Figure:
    """Panels above one another with one caption."""

    panels: tuple[Panel, ...]
    caption: str

    def plots(self) -> list[dict[str, Any]]:
        """Return every panel for Plotly, those over the steps with the same first and last step."""
        over_steps = [panel for panel in self.panels if panel.x_title == STEPS]
        steps = [step for panel in over_steps for trace in panel.traces for step in trace["x"]]
        first, last = min(steps, default=0), max(steps, default=1)
        first = 0 if first == last else first  # what is known at the end alone stands at the end
        pad = STEPS_PAD * max(last - first, 1)
        shared = {"range": [first - pad, last + pad]}
        return [panel.plotly(shared if panel in over_steps else {}) for panel in self.panels]


def line(series: Series, tone: str, label: str, *, width: float = 2) -> Trace:
    """Return one quantity over the steps; gaps where it is not a finite number."""
    steps, values = thin(series)
    few = sum(math.isfinite(value) for value in values) <= MARKED_POINTS and width > 1
    return {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        "x": steps,
        "y": values,
        "name": words(label),
        "line": {"color": tone, "width": width},
        "marker": {"size": 5, "color": tone},
        "hovertemplate": "step %{x}: %{y:.4g}",
    }


def band(low: Series, high: Series, tone: str) -> Trace:
    """Return the area between two series over the same steps."""
    both = zip(low.steps, low.values, high.values, strict=False)
    rows = [(step, a, b) for step, a, b in both if math.isfinite(a) and math.isfinite(b)]
    outline = [(step, a) for step, a, _ in rows] + [(step, b) for step, _, b in reversed(rows)]
    area = {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": tone, "hoverinfo": "skip"}
    points = {"x": [step for step, _ in outline], "y": [value for _, value in outline]}
    return {**area, **points, "opacity": 0.2, "line": {"width": 0, "color": tone}}


def level(value: float, label: str, *, vertical: bool = False) -> tuple[tuple[Trace, ...], tuple[Key, ...]]:
    """Return a dashed line at a bound and its legend; both empty when the bound is no number."""
    if not math.isfinite(value):
        return (), ()
    along, across = ("y", "x") if vertical else ("x", "y")
    ends = {f"{along}0": 0, f"{along}1": 1, f"{across}0": value, f"{across}1": value}
    axes = {f"{along}ref": "paper", f"{across}ref": across}
    shape = {"type": "line", **axes, **ends, "line": {"color": "ink", "width": 1.25, "dash": "dash"}}
    return (shape,), (Key(f"{label} {number(value)}", "ink", "dash"),)


def break_mark(series: Series) -> tuple[Key, ...]:
    """Return a remark on the first step whose value is infinite or no number; none when all are finite."""
    broken = next(((step, value) for step, value in series if not math.isfinite(value)), None)
    return (Key(f"{number(broken[1])} from step {broken[0]}", "cause", "mark"),) if broken else ()


def value_axis(values: Iterable[float]) -> dict[str, Any]:
    """Return a logarithmic axis where these values need one, else an ordinary one."""
    finite = [value for value in values if math.isfinite(value)]
    if not needs_log(finite):
        return {}
    decades = math.log10(max(finite)) - math.log10(min(finite))
    return {
        "type": "log",
        "exponentformat": "power",
        "dtick": math.ceil(decades / MOST_TICKS),
        "tickfont": {"size": POWER_SIZE},
    }


def log_axis(values: Iterable[float]) -> dict[str, Any]:
    """Return a logarithmic axis labelled at powers of ten, or at round numbers between them where these are few."""
    logs = [math.log10(value) for value in values if math.isfinite(value) and value > 0]
    if not logs:
        return {"type": "log"}
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    times = next(each for decades, each in ROUND if max(logs) - min(logs) < decades)
    places = [m * 10.0**e for e in range(low, high + 1, math.ceil((high - low) / MOST_TICKS) or 1) for m in times]
    return {"type": "log", "tickvals": places, "exponentformat": "power"}


def thin(series: Series, limit: int = MOST_POINTS) -> tuple[list[int], list[float]]:
    """Return at most about `limit` points of a series: the smallest and largest of every stretch."""
    if len(series) <= limit:
        return list(series.steps), list(series.values)
    points, stride = list(series), math.ceil(2 * len(series) / limit)
    kept: list[tuple[int, float]] = []
    for start in range(0, len(points), stride):
        stretch = points[start : start + stride]
        finite = [point for point in stretch if math.isfinite(point[1])] or stretch[:1]
        kept += sorted({min(finite, key=lambda p: p[1]), max(finite, key=lambda p: p[1])})
    return [step for step, _ in kept], [value for _, value in kept]


def words(text: str, limit: int = 48) -> str:
    """Return a name from the script as Plotly text: one line, and none of it read as markup or template."""
    return html.escape(one_line(text, limit), quote=False).replace("%{", "% {")


def json_values(value: Any) -> Any:
    """Return the value as JSON has it: `null` for what is not finite."""
    match value:
        case dict():
            return {key: json_values(item) for key, item in value.items()}
        case list() | tuple():
            return [json_values(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
    return value
