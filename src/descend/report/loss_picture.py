"""Output layer against loss: what enters the loss, and the loss against the floor it cannot go below."""

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any

from descend.record import Record, Series
from descend.report.figure import Figure, Panel, Trace, break_mark, level, line, value_axis
from descend.report.wording import number
from descend.scale import needs_log
from descend.symptoms.symptom import Symptom

LOSS_FLOOR = "loss_floor"  # the quantity whose bound is the lowest loss that an output layer can reach


def output_loss_mismatch(record: Record, symptom: Symptom) -> Figure | None:
    """What enters the loss (its histogram, else its range), and the loss against its floor."""
    places = record.places("loss_input")
    wanted = (symptom.module, symptom.optimizer, "")
    place = next((p for p in wanted if p in places), places[0] if places else "")
    detail: Mapping[str, Any] = record.fact("loss_input", place) or {}
    entering = _histogram(detail) or _ranges(detail)
    loss = record.series("loss", symptom.optimizer)
    panels = ((entering,) if entering else ()) + ((_loss_panel(loss, symptom),) if len(loss) else ())
    return Figure(panels, _caption(detail, bool(entering))) if panels else None


def _loss_panel(loss: Series, symptom: Symptom) -> Panel:
    floor = symptom.bound if symptom.quantity == LOSS_FLOOR else nan
    shapes, keys = level(floor, "lowest loss that this output layer can reach,")
    axis = value_axis([*loss.values, floor])
    if shapes and not needs_log([*loss.values, floor]):
        axis = {"rangemode": "tozero"}
    trace = line(loss, "cause", "loss")
    return Panel("Training loss", (trace,), (*keys, *break_mark(loss)), shapes=shapes, y=axis)


def _caption(detail: Mapping[str, Any], has_panel: bool) -> str:
    text = "What the loss function receives." if has_panel else "The loss over the steps observed."
    low, high, first, last = (_value(detail, key) for key in ("min", "max", "row_sum_min", "row_sum_max"))
    if isfinite(low) and isfinite(high):
        text += f" Its values lie between {number(low)} and {number(high)}"
        sums = f"; its rows sum to {number(first)}" + ("" if number(first) == number(last) else f" to {number(last)}")
        text += (sums if isfinite(first) and isfinite(last) else "") + "."
    return text


def _histogram(detail: Mapping[str, Any]) -> Panel | None:
    counted = detail["histogram"] if isinstance(detail.get("histogram"), Mapping) else detail
    counts, edges = counted.get("counts"), counted.get("edges")
    if not (isinstance(counts, list) and isinstance(edges, list) and len(edges) == len(counts) + 1 and counts):
        return None
    bins = list(zip(edges, edges[1:], counts))
    bars: Trace = {
        "type": "bar",
        "x": [(low + high) / 2 for low, high, _ in bins],
        "width": [0.94 * (high - low) for low, high, _ in bins],
        "y": counts,
        "marker": {"color": "cause", "line": {"width": 0}},
        "hovertext": [f"{number(low)} to {number(high)}: {number(amount)}" for low, high, amount in bins],
        "hoverinfo": "text",
    }
    return Panel("What enters the loss: how many values of each size", (bars,), x_title="value")


def _ranges(detail: Mapping[str, Any]) -> Panel | None:
    rows = [("values", _value(detail, "min"), _value(detail, "max"))]
    rows.append(("row sums", _value(detail, "row_sum_min"), _value(detail, "row_sum_max")))
    rows = [row for row in rows if isfinite(row[1]) and isfinite(row[2])]
    if not rows:
        return None
    y = {"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""}
    traces = tuple(_range_bar(*row) for row in rows)
    x = {"showgrid": True}
    return Panel("Range of what enters the loss", traces, x_title="value", x=x, y=y, height=70 + 40 * len(rows))


def _range_bar(label: str, low: float, high: float) -> Trace:
    end = {"size": 14, "color": "cause", "symbol": "line-ns", "line": {"color": "cause", "width": 2}}
    hover = f"{label}: {number(low)} to {number(high)}"
    points = {"x": [low, high], "y": [label, label], "hovertext": [hover, hover], "hoverinfo": "text"}
    return {
        "type": "scatter",
        "mode": "lines+markers",
        **points,
        "marker": end,
        "line": {"color": "cause", "width": 4},
    }


def _value(detail: Mapping[str, Any], key: str) -> float:
    value = detail.get(key)
    return float(value) if isinstance(value, int | float) else nan
