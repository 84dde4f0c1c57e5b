"""Charts as plain data in the format of Plotly's JavaScript, from which the SVG charts of static pages are made, too.

Headings, legends and captions are text of the page, not of the chart, so that they wrap and print like text.
Colours are names of tones (`cause`, `ink`, …), which the page's style sheet defines for light and dark mode.
The classes of the plotly package are not used: importing them takes longer than writing a report.
"""

import html
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from descend.core.scale import needs_log
from descend.doctor.record import Series
from descend.doctor.report.formatting import number, one_line, percent

MOST_POINTS = 1200  # largest number of points drawn for a curve; a screen cannot show more
TICK_MULTIPLES = (  # number of decades that a logarithmic axis spans -> multiples of powers of ten with a label
    (0.7, (1, 1.5, 2, 3, 4, 5, 6, 8)),
    (1.5, (1, 2, 5)),
    (math.inf, (1,)),
)
MOST_TICKS = 5  # largest number of powers of ten that are labelled on a logarithmic axis
MARKED_POINTS = 40  # A curve with at most this many points has a marker at each point.
STEPS = "optimizer step"
STEPS_PAD = 0.015  # width of the free space at both ends of the step axis, as a share of its length
POWER_SIZE = 10  # font size in pixels; small, because Plotly enlarges powers of ten by a quarter
# Margins in pixels. All panels have the same margins so that their step axes are aligned.
MARGIN = {"l": 56, "r": 10, "t": 8, "b": 42}

Trace = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """One entry of a chart's legend. style: line, dash, dotted, dot, ring, band, block, or "mark" for a remark."""

    label: str
    tone: str
    style: str = "line"


@dataclass(frozen=True)
class Panel:
    """One chart of a figure: title, curves, axes and legend. x, y: Plotly settings of the axes."""

    title: str
    traces: tuple[Trace, ...]
    keys: tuple[Key, ...] = ()
    x_title: str = STEPS
    shapes: tuple[Trace, ...] = ()
    x: Mapping[str, Any] = field(default_factory=dict)
    y: Mapping[str, Any] = field(default_factory=dict)
    height: int = 220
    margin: Mapping[str, float] = field(default_factory=lambda: MARGIN)

    def for_plotly(self, x: Mapping[str, Any]) -> dict[str, Any]:
        """Return the chart as a dictionary with the `data` and the `layout` for Plotly. Infinities and NaN become None.

        x: settings of the x-axis that all panels of the figure share.
        """
        layout = {
            "height": self.height,
            "margin": dict(self.margin),
            "xaxis": {"title": {"text": self.x_title, "standoff": 6}, **x, **self.x},
            "yaxis": {**self.y, "showticklabels": self.has_values},
            "shapes": list(self.shapes),
            "meta": {"title": self.title},
        }
        return _escape_texts(json_values({"data": list(self.traces), "layout": layout}))

    @property
    def has_values(self) -> bool:
        """Whether the chart has any finite value. Without a value, the labels of the axis would be arbitrary."""
        values = (value for trace in self.traces for value in trace["y"])
        return any(isinstance(value, str) or (value is not None and math.isfinite(value)) for value in values)


@dataclass(frozen=True)
class Figure:
    """Charts that are drawn below each other and have one caption."""

    panels: tuple[Panel, ...]
    caption: str

    def plots(self) -> list[dict[str, Any]]:
        """Return each chart as a dictionary for Plotly. Charts over the optimizer steps get the same range of steps."""
        shared = {"range": step_range(self.panels)}
        return [panel.for_plotly(shared if panel.x_title == STEPS else {}) for panel in self.panels]


def step_range(panels: Iterable[Panel]) -> list[float]:
    """Return the ends of the step axis that charts over the optimizer steps share."""
    steps = [step for panel in panels if panel.x_title == STEPS for trace in panel.traces for step in trace["x"]]
    first, last = min(steps, default=0), max(steps, default=1)
    # A single value was measured at the end of the run, so it is drawn at the right end of the axis.
    first = 0 if first == last else first
    pad = STEPS_PAD * max(last - first, 1)
    return [first - pad, last + pad]


def line(series: Series, tone: str, label: str, *, width: float = 2) -> Trace:
    """Return the Plotly trace of a curve over the optimizer steps, with gaps at infinities and NaN."""
    steps, values = thin_out(series)
    few = sum(math.isfinite(value) for value in values) <= MARKED_POINTS and width > 1
    return {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        "x": steps,
        "y": values,
        "name": chart_label(label),
        "line": {"color": tone, "width": width},
        "marker": {"size": 5, "color": tone},
        "hovertemplate": "step %{x}: %{y:.4g}",
    }


def band_trace(low: Series, high: Series, tone: str) -> Trace:
    """Return the Plotly trace of a shaded band between two curves over the same steps."""
    both = zip(low.steps, low.values, high.values, strict=False)
    rows = [(step, a, b) for step, a, b in both if math.isfinite(a) and math.isfinite(b)]
    outline = [(step, a) for step, a, _ in rows] + [(step, b) for step, _, b in reversed(rows)]
    area = {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": tone, "hoverinfo": "skip"}
    points = {"x": [step for step, _ in outline], "y": [value for _, value in outline]}
    return {**area, **points, "opacity": 0.2, "line": {"width": 0, "color": tone}}


def level(
    value: float, label: str, *, vertical: bool = False, form: Callable[[float], str] = number
) -> tuple[tuple[Trace, ...], tuple[Key, ...]]:
    """Return the Plotly shape of a dashed line at a limit, and its legend entry; empty tuples for no finite limit.

    form: returns the text of a value, with its unit if it has one.
    """
    if not math.isfinite(value):
        return (), ()
    along, across = ("y", "x") if vertical else ("x", "y")
    ends = {f"{along}0": 0, f"{along}1": 1, f"{across}0": value, f"{across}1": value}
    axes = {f"{along}ref": "paper", f"{across}ref": across}
    shape = {"type": "line", **axes, **ends, "line": {"color": "ink", "width": 1.25, "dash": "dash"}}
    return (shape,), (Key(f"{label} {form(value)}", "ink", "dash"),)


def non_finite_remark(series: Series) -> tuple[Key, ...]:
    """Return a legend entry with the first step that has an infinite or NaN value; an empty tuple without one."""
    broken = next(((step, value) for step, value in series if not math.isfinite(value)), None)
    return (Key(f"{number(broken[1])} from step {broken[0]}", "cause", "mark"),) if broken else ()


def value_axis(values: Iterable[float]) -> dict[str, Any]:
    """Return Plotly settings for an axis that is logarithmic if the values span several decades, else linear."""
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
    """Return Plotly settings for a logarithmic axis. A short axis has labels between the powers of ten, too."""
    logs = [math.log10(value) for value in values if math.isfinite(value) and value > 0]
    if not logs:
        return {"type": "log"}
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    times = next(each for decades, each in TICK_MULTIPLES if max(logs) - min(logs) < decades)
    places = [m * 10.0**e for e in range(low, high + 1, math.ceil((high - low) / MOST_TICKS) or 1) for m in times]
    return {"type": "log", "tickvals": places, "exponentformat": "power"}


def axis_text(value: float, settings: Mapping[str, Any]) -> str:
    """Return a value as text, as a percentage if the axis with these Plotly settings has percentages."""
    return percent(value) if str(settings.get("tickformat", "")).endswith("%") else number(value)


def thin_out(series: Series, limit: int = MOST_POINTS) -> tuple[list[int], list[float]]:
    """Downsample a series to about `limit` points: the minimum and the maximum of each interval of steps."""
    if len(series) <= limit:
        return list(series.steps), list(series.values)
    points, stride = list(series), math.ceil(2 * len(series) / limit)
    extreme_points: list[tuple[int, float]] = []
    for start in range(0, len(points), stride):
        stretch = points[start : start + stride]
        finite = [point for point in stretch if math.isfinite(point[1])] or stretch[:1]
        extreme_points += sorted({min(finite, key=lambda p: p[1]), max(finite, key=lambda p: p[1])})
    return [step for step, _ in extreme_points], [value for _, value in extreme_points]


def chart_label(text: str, limit: int = 48) -> str:
    """Return a name from the script as a chart label on one line, with at most `limit` characters."""
    return one_line(text, limit)


def _escape_texts(value: Any, key: str = "") -> Any:
    """Escape all texts in data for Plotly, so that it does not interpret them as markup, links or templates.

    Hover templates stay as they are, because they contain no name from the script.
    """
    match value:
        case dict():
            return {name: _escape_texts(item, name) for name, item in value.items()}
        case list():
            return [_escape_texts(item, key) for item in value]
        case str() if key != "hovertemplate":
            return (
                html.escape(value, quote=False).replace("%{", "% {").replace("$", "&#36;")
            )  # Plotly reads text between two dollar signs as a formula
    return value


def json_values(value: Any) -> Any:
    """Replace infinities and NaN in nested dictionaries and lists by None, because JSON cannot represent them."""
    match value:
        case dict():
            return {key: json_values(item) for key, item in value.items()}
        case list() | tuple():
            return [json_values(item) for item in value]
        case float():
            return value if math.isfinite(value) else None
    return value
