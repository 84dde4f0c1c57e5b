"""Static charts: the positions of all curves, points, bars and labels of a panel, for the SVG template.

Horizontal positions are percentages of the chart's width, so that a chart fits any page without JavaScript and its
letters keep their size. Vertical positions are pixels. Colours are names of tones in the page's style sheet.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from descend.doctor.record import Series
from descend.doctor.report.chart_description import describe
from descend.doctor.report.figure import STEPS, Figure, Panel, Trace, axis_text, step_range, thin_out
from descend.doctor.report.formatting import number
from descend.doctor.report.svg_axis import Axis, is_on, make_axis
from descend.doctor.report.svg_shapes import Bar, Chart, Curve, Mark, Rule

MOST_POINTS = 2400  # largest number of points of all curves of a chart, so that a page stays small
FEWEST_POINTS = 12  # A curve keeps at least about this many points.
CURVE_WIDTH = 1000  # width of the coordinate system of the curves, which is stretched to the chart's width
LABEL_HEIGHT, BAR_HEIGHT, ROW_GAP = 18, 11, 9  # pixels, of the rows of a chart with horizontal bars
CAP = 7  # length in pixels of the line at the end of an interval


def limit_points(figure: Figure) -> Figure:
    """Return the figure with at most about `MOST_POINTS` points in each chart."""
    return replace(figure, panels=tuple(replace(panel, traces=_limit_points(panel.traces)) for panel in figure.panels))


def _limit_points(traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """Return the traces of a chart, with long curves downsampled."""
    most = max(FEWEST_POINTS, MOST_POINTS // max(1, len(traces)))
    return tuple(_thin_curve(trace, most) for trace in traces)


def _thin_curve(trace: Trace, most: int) -> Trace:
    """Return a trace, downsampled to about `most` points if it is a curve over the optimizer steps."""
    is_curve = "hovertemplate" in trace or trace.get("opacity", 1) < 1
    if trace["type"] != "scatter" or "fill" in trace or not is_curve or len(trace["x"]) <= most:
        return trace
    steps, values = thin_out(Series(tuple(trace["x"]), tuple(trace["y"])), most)
    return {**trace, "x": steps, "y": values}


def make_charts(figure: Figure) -> list[Chart]:
    """Return the static charts of a figure. Charts over the optimizer steps get the same range of steps."""
    shared = {"range": step_range(figure.panels)}
    return [make_chart(panel, {**(shared if panel.x_title == STEPS else {}), **panel.x}) for panel in figure.panels]


def make_chart(panel: Panel, x_settings: dict[str, Any]) -> Chart:
    """Return the static chart of a panel. x_settings: Plotly settings of the x-axis."""
    rows = _row_names(panel)
    x_axis = make_axis(x_settings, [*_values(panel.traces, "x"), *_shape_ends(panel, "x")])
    y_values = [*_values(panel.traces, "y"), *_shape_ends(panel, "y"), *_interval_ends(panel.traces)]
    y_axis = make_axis({**panel.y, "showticklabels": panel.has_values}, y_values)
    height: float = panel.height - panel.margin["t"] - panel.margin["b"]
    bars = [trace for trace in panel.traces if trace["type"] == "bar"]
    row_height = LABEL_HEIGHT + ROW_GAP + BAR_HEIGHT * max(1, len(bars))
    if rows:
        height = row_height * len(rows)
    chart = Chart(
        title=panel.title,
        description=describe(panel),
        x_title=panel.x_title,
        height=height,
        x_ticks=x_axis.ticks,
        y_ticks=() if rows else y_axis.ticks,
        has_vertical_grid=bool(panel.x.get("showgrid")),
        has_rows=bool(rows),
        labels=[(row_height * i + LABEL_HEIGHT - 5, name) for i, name in enumerate(rows)],
    )
    middle = {name: row_height * i + LABEL_HEIGHT + BAR_HEIGHT / 2 for i, name in enumerate(rows)}
    place = _Place(x_axis, y_axis, height, middle)
    _add_shapes(chart, panel, place)
    for trace in panel.traces:
        if trace["type"] == "bar":
            _add_bars(chart, trace, place, index=bars.index(trace), settings=panel.x)
        else:
            _add_scatter(chart, trace, place)
    return chart


@dataclass(frozen=True)
class _Place:
    """Converts values to positions: percentages of the chart's width, and pixels of its height."""

    x_axis: Axis
    y_axis: Axis
    height: float
    rows: dict[str, float]  # name of a row -> height in pixels of its first bar's middle

    def x(self, value: float) -> float | None:
        """Return the horizontal position of a value, in percent of the chart's width; None if it cannot be drawn."""
        share = self.x_axis.share(value)
        return None if share is None else round(100 * share, 2)

    def y(self, value: float | str) -> float | None:
        """Return the vertical position of a value or row, in pixels from the top; None if it cannot be drawn."""
        if isinstance(value, str):
            return self.rows[value]
        share = self.y_axis.share(value)
        return None if share is None else round(self.height * (1 - share), 1)


def _row_names(panel: Panel) -> list[str]:
    """Return the names of the rows of a chart with a category axis, in their order; an empty list for other charts."""
    if panel.y.get("type") != "category":
        return []
    return list(dict.fromkeys(name for trace in panel.traces for name in trace["y"]))


def _values(traces: Iterable[Trace], axis: str) -> Iterator[float]:
    """Yield all numbers that the traces show along an axis. Bars begin at 0."""
    for trace in traces:
        yield from (value for value in trace[axis] if value is not None and not isinstance(value, str))
        if trace["type"] == "bar" and axis == "x":
            yield 0.0


def _shape_ends(panel: Panel, axis: str) -> Iterator[float]:
    """Yield the ends of the shapes that are given in values of an axis."""
    for shape in panel.shapes:
        if shape.get(f"{axis}ref") == axis:
            yield from (shape[f"{axis}0"], shape[f"{axis}1"])


def _interval_ends(traces: Iterable[Trace]) -> Iterator[float]:
    """Yield the ends of the error bars along the y-axis."""
    for trace in traces:
        if bar := trace.get("error_y"):
            yield from (v + above for v, above in zip(trace["y"], bar["array"]))
            yield from (v - below for v, below in zip(trace["y"], bar["arrayminus"]))


def _add_shapes(chart: Chart, panel: Panel, place: _Place) -> None:
    """Add the lines at limits and the shaded bands of a panel to its chart."""
    for shape in panel.shapes:
        x0, x1 = (100.0 * shape[end] if shape.get("xref") == "paper" else place.x(shape[end]) for end in ("x0", "x1"))
        of_paper = shape.get("yref") == "paper"
        y0, y1 = (place.height * (1 - shape[end]) if of_paper else place.y(shape[end]) for end in ("y0", "y1"))
        if x0 is None or x1 is None or y0 is None or y1 is None:
            continue
        if shape["type"] == "rect":
            low, high = (min(max(y, 0.0), place.height) for y in (min(y0, y1), max(y0, y1)))
            chart.bars.append(Bar(x0, x1 - x0, low, high - low, shape["fillcolor"], shape.get("opacity", 1.0)))
        elif all(is_on(x / 100) for x in (x0, x1)) and all(is_on(y / place.height) for y in (y0, y1)):
            line = shape["line"]
            chart.rules.append(Rule(x0, x1, y0, y1, line["color"], line["width"], line.get("dash", "")))


def _add_bars(chart: Chart, trace: Trace, place: _Place, *, index: int, settings: Mapping[str, Any]) -> None:
    """Add the horizontal bars of a trace to a chart. index: which of the bars of a row belongs to the trace."""
    tones, hints = trace["marker"]["color"], trace.get("hovertext") or []
    zero = place.x(0.0) or 0.0
    for i, (length, row) in enumerate(zip(trace["x"], trace["y"])):
        if length is None or (end := place.x(length)) is None:
            continue
        top = place.rows[row] - BAR_HEIGHT / 2 + index * BAR_HEIGHT
        tone = tones if isinstance(tones, str) else tones[i]
        hint = hints[i] if hints else f"{row}: {axis_text(length, settings)}"
        left, width = min(zero, end), max(abs(end - zero), 0.2)
        chart.bars.append(Bar(left, round(width, 2), top, BAR_HEIGHT - 1, tone, hint=hint))


def _add_scatter(chart: Chart, trace: Trace, place: _Place) -> None:
    """Add the curve, the points and the error bars of a trace to a chart."""
    points = [
        None if value is None or x is None else (place.x(x), place.y(value)) for x, value in zip(trace["x"], trace["y"])
    ]
    visible_points = [point if point and None not in point else None for point in points]
    if "lines" in trace["mode"] and (path := _path(visible_points)):
        line, is_filled = trace.get("line", {}), "fill" in trace
        tone = trace["fillcolor"] if is_filled else line.get("color", "ink")
        opacity = trace.get("opacity", 1.0)
        chart.curves.append(Curve(path, tone, line.get("width", 2), line.get("dash", ""), opacity, is_filled))
    if "markers" in trace["mode"]:
        _add_marks(chart, trace, visible_points)
    if bar := trace.get("error_y"):
        _add_error_bars(chart, trace, bar, place)


def _path(points: Sequence[Any]) -> str:
    """Return the SVG path through the points, with a gap at None. A single point becomes a short horizontal line."""
    pieces: list[str] = []
    for before, point, after in zip([None, *points], points, [*points[1:], None]):
        if point is None:
            continue
        place = f"{CURVE_WIDTH * point[0] / 100:g} {point[1]:g}"
        alone = before is None and after is None
        pieces.append(("L" if before else "M") + place + ("h1" if alone else ""))
    return "".join(pieces)


def _add_marks(chart: Chart, trace: Trace, points: Sequence[Any]) -> None:
    """Add the points of a trace to a chart, each with its value as a hint."""
    marker, hints = trace["marker"], trace.get("hovertext") or []
    cap = "vertical" if marker.get("symbol") == "line-ns" else ""
    is_hollow = marker.get("symbol") == "circle-open"
    for i, point in enumerate(points):
        if point is None:
            continue
        value = trace["y"][i]
        value_text = value if isinstance(value, str) else number(value)
        hint = hints[i] if hints else f"step {number(trace['x'][i])}: {value_text}"
        chart.marks.append(Mark(point[0], point[1], marker["size"] / 2, marker["color"], hint, cap, is_hollow))


def _add_error_bars(chart: Chart, trace: Trace, bar: dict[str, Any], place: _Place) -> None:
    """Add vertical error bars with a short line at each end to a chart."""
    for x, value, above, below in zip(trace["x"], trace["y"], bar["array"], bar["arrayminus"]):
        at, low, high = place.x(x), place.y(value - below), place.y(value + above)
        if at is None or low is None or high is None:
            continue
        chart.rules.append(Rule(at, at, high, low, bar["color"], bar["thickness"]))
        chart.marks += [Mark(at, end, CAP / 2, bar["color"], cap="horizontal") for end in (low, high)]
