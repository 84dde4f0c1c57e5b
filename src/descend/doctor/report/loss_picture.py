"""Output layer against loss: what enters the loss, and the loss against the floor it cannot go below."""

from math import isfinite, nan

from descend.doctor.record import Record, Series, facts
from descend.doctor.report.figure import Figure, Panel, Trace, break_mark, level, line, value_axis
from descend.doctor.report.wording import number
from descend.doctor.symptoms import Symptom
from descend.ground.scale import needs_log

LOSS_FLOOR = "loss_floor"  # the quantity whose bound is the lowest loss that an output layer can reach


def output_loss_mismatch(record: Record, symptom: Symptom) -> Figure | None:
    """The range of what enters the loss, and the loss against its floor."""
    known = record.every(facts.LossInput)
    wanted = (known[p] for p in (symptom.module, symptom.optimizer, "") if p in known)
    given = next(wanted, next(iter(known.values()), None))
    entering = _ranges(given) if given else None
    loss = record.series("loss", symptom.optimizer)
    panels = ((entering,) if entering else ()) + ((_loss_panel(loss, symptom),) if len(loss) else ())
    return Figure(panels, _caption(given, bool(entering))) if panels else None


def _loss_panel(loss: Series, symptom: Symptom) -> Panel:
    floor = symptom.bound if symptom.quantity == LOSS_FLOOR else nan
    shapes, keys = level(floor, "lowest loss that this output layer can reach,")
    axis = value_axis([*loss.values, floor])
    if shapes and not needs_log([*loss.values, floor]):
        axis = {"rangemode": "tozero"}
    trace = line(loss, "cause", "loss")
    return Panel("Training loss", (trace,), (*keys, *break_mark(loss)), shapes=shapes, y=axis)


def _caption(given: facts.LossInput | None, has_panel: bool) -> str:
    text = "What the loss function receives." if has_panel else "The loss over the steps observed."
    if given is not None and isfinite(given.min) and isfinite(given.max):
        low, high, (first, last) = given.min, given.max, _row_sums(given)
        text += f" Its values lie between {number(low)} and {number(high)}"
        sums = f"; its rows sum to {number(first)}" + ("" if number(first) == number(last) else f" to {number(last)}")
        text += (sums if isfinite(first) and isfinite(last) else "") + "."
    return text


def _ranges(given: facts.LossInput) -> Panel | None:
    rows = [("values", given.min, given.max), ("row sums", *_row_sums(given))]
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


def _row_sums(given: facts.LossInput) -> tuple[float, float]:
    low, high = given.row_sum_min, given.row_sum_max
    return (nan, nan) if low is None or high is None else (low, high)
