"""The text of a chart for screen readers."""

import math

from descend.doctor.report.figure import STEPS, Panel, Trace, axis_text
from descend.doctor.report.formatting import number, one_line

MOST_DESCRIBED = 8  # largest number of curves or bars that the text describes


def describe(panel: Panel) -> str:
    """Return what a chart shows as text for screen readers: the first and last value of each curve, or each bar."""
    parts = [text for trace in panel.traces if (text := _describe_trace(trace, panel))]
    left_count = len(parts) - MOST_DESCRIBED
    first_parts = "; ".join([*parts[:MOST_DESCRIBED], *([f"and {number(left_count)} more"] if left_count > 0 else [])])
    keys = ", ".join(key.label for key in panel.keys if key.style in ("dash", "dotted", "mark"))
    return ". ".join(part for part in (first_parts, keys) if part)


def _describe_trace(trace: Trace, panel: Panel) -> str:
    """Return the first and last value of a curve, or the value of each bar, as text; "" for bands and single seeds."""
    if "fill" in trace or trace.get("opacity", 1) < 1:
        return ""
    if trace["type"] == "bar":
        label = f"{trace['name']}: " if trace.get("name") else ""
        pairs = zip(trace["y"][:MOST_DESCRIBED], trace["x"])
        return label + ", ".join(f"{one_line(row)} {axis_text(x, panel.x)}" for row, x in pairs if x is not None)
    if "hovertext" in trace:
        return "; ".join(dict.fromkeys(trace["hovertext"][:MOST_DESCRIBED]))
    points = [(x, y) for x, y in zip(trace["x"], trace["y"]) if y is not None and math.isfinite(y)]
    if not points or not trace.get("name"):
        return ""
    (first, start), (last, end) = points[0], points[-1]
    unit = "step" if panel.x_title == STEPS else panel.x_title
    until = "" if first == last else f", {number(end)} at {unit} {number(last)}"
    return f"{one_line(trace['name'])}: {number(start)} at {unit} {number(first)}{until}"
