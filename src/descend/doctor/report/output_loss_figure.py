"""The figure for an output layer that does not fit the loss: the range of the loss's input, and the lowest loss."""

from math import isfinite, nan

from descend.core.scale import needs_log
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, Series, facts
from descend.doctor.report.figure import Figure, Panel, Trace, level, line, non_finite_remark, value_axis
from descend.doctor.report.formatting import number

LOSS_FLOOR = "loss_floor"  # name of the quantity whose limit is the lowest loss that the output layer can reach


def output_loss_mismatch(record: Record, symptom: Symptom) -> Figure | None:
    """Return the figure for an output layer that does not fit the loss: the range of its outputs, and the loss."""
    loss_inputs = record.every(facts.LossInput)
    candidates = (loss_inputs[p] for p in (symptom.module, symptom.optimizer, "") if p in loss_inputs)
    loss_input = next(candidates, next(iter(loss_inputs.values()), None))
    ranges = _range_panel(loss_input) if loss_input else None
    loss = record.series("loss", symptom.optimizer)
    panels = ((ranges,) if ranges else ()) + ((_loss_panel(loss, symptom),) if len(loss) else ())
    return Figure(panels, _caption(loss_input, bool(ranges))) if panels else None


def _loss_panel(loss: Series, symptom: Symptom) -> Panel:
    """Return the chart of the training loss, with a dashed line at the lowest reachable loss if it is known."""
    floor = symptom.bound if symptom.quantity == LOSS_FLOOR else nan
    shapes, keys = level(floor, "lowest loss that this output layer can reach:")
    axis = value_axis([*loss.values, floor])
    if shapes and not needs_log([*loss.values, floor]):
        axis = {"rangemode": "tozero"}
    trace = line(loss, "cause", "loss")
    return Panel("Training loss", (trace,), (*keys, *non_finite_remark(loss)), shapes=shapes, y=axis)


def _caption(loss_input: facts.LossInput | None, has_panel: bool) -> str:
    """Return the caption of the figure, with the smallest and largest value of the loss function's input."""
    text = "The input of the loss function." if has_panel else "The loss over the observed steps."
    if loss_input is not None and isfinite(loss_input.min) and isfinite(loss_input.max):
        low, high, (first, last) = loss_input.min, loss_input.max, _row_sums(loss_input)
        text += f" Its values are between {number(low)} and {number(high)}"
        if isfinite(first) and isfinite(last):
            text += f", and its rows sum to {number(first)}"
            text += "" if number(first) == number(last) else f" to {number(last)}"
        text += "."
    return text


def _range_panel(loss_input: facts.LossInput) -> Panel | None:
    """Return a chart of the ranges of the values and of the row sums in the loss function's input; None if unknown."""
    rows = [("values", loss_input.min, loss_input.max), ("row sums", *_row_sums(loss_input))]
    rows = [row for row in rows if isfinite(row[1]) and isfinite(row[2])]
    if not rows:
        return None
    y = {"type": "category", "autorange": "reversed", "automargin": True, "showgrid": False, "ticks": ""}
    traces = tuple(_range_bar(*row) for row in rows)
    x = {"showgrid": True}
    return Panel("Range of the loss function's input", traces, x_title="value", x=x, y=y, height=70 + 40 * len(rows))


def _range_bar(label: str, low: float, high: float) -> Trace:
    """Return the Plotly trace of a horizontal bar from `low` to `high`."""
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


def _row_sums(loss_input: facts.LossInput) -> tuple[float, float]:
    """Return the smallest and the largest row sum of the loss function's input; NaN if they are unknown."""
    low, high = loss_input.row_sum_min, loss_input.row_sum_max
    return (nan, nan) if low is None or high is None else (low, high)
