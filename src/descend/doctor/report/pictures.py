"""The evidence of each finding as a picture, drawn from the baseline's record.

A symptom with a picture of its own has a function here, named after it; any other shows its evidence series.
"""

from collections.abc import Callable, Mapping
from math import nan

from descend.doctor.record import Record, Series
from descend.doctor.report.feature_picture import inputs_not_normalised
from descend.doctor.report.figure import Figure, Key, Panel, break_mark, level, line, value_axis
from descend.doctor.report.floors_picture import floors
from descend.doctor.report.layer_picture import layer_bars
from descend.doctor.report.loss_picture import output_loss_mismatch
from descend.doctor.report.own_picture import own_numbers
from descend.doctor.report.stability_picture import CAPTION, stability_panel
from descend.doctor.report.wording import one_line, plain_name
from descend.doctor.symptoms import Symptom

MOST_PANELS = 4
MOST_LINES = 5  # more lines in one panel are drawn thin and alike
TONES = ("cause", "cure", "third", "fourth", "ink")


def picture(record: Record, symptom: Symptom) -> Figure | None:
    """Return the evidence picture of a symptom; None when the record holds nothing to draw."""
    draw = PICTURES.get(symptom.id, evidence)
    return draw(record, symptom) or evidence(record, symptom)


def evidence(record: Record, symptom: Symptom) -> Figure | None:
    """Any symptom: its evidence series over the steps, the bound dashed in the panel of its quantity."""
    places: dict[str, list[str]] = {}
    for name, place in symptom.evidence:
        if len(record.series(name, place)):
            places.setdefault(name, []).append(place)
    names = list(places)[:MOST_PANELS]
    if not names:
        return None
    bounds = {symptom.quantity: symptom.bound}
    panels = [over_steps(record, name, places[name], bounds.get(name, nan)) for name in names]
    listed = ", ".join(plain_name(name) for name in names)
    return Figure(tuple(panels), f"{listed[:1].upper()}{listed[1:]} over the steps observed.")


def course(record: Record) -> Figure | None:
    """Any run: the loss of every step, and the cost on fixed monitor batches where it was measured."""
    places = [place for place in record.places("loss") if len(record.series("loss", place))]
    losses = [record.series("loss", place) for place in places[:MOST_LINES]]
    monitored = record.series("monitored_loss")
    traces = [line(loss, "faint", "loss of each step", width=1) for loss in losses]
    keys = [Key("of each step, on its own batch", "faint")] if losses else []
    if len(monitored):
        traces.append(line(monitored, "cure", "loss on fixed batches"))
        keys.append(Key("on fixed monitor batches", "cure"))
    if not traces:
        return None
    values = [value for series in (*losses, monitored) for value in series.values]
    marks = next((mark for loss in losses if (mark := break_mark(loss))), ())
    panel = Panel("Training loss", tuple(traces), (*keys, *marks), y=value_axis(values), height=260)
    return Figure((panel,), "The loss over the steps observed.")


def instability(record: Record, symptom: Symptom) -> Figure | None:
    """Instability: the loss, and below it α·λmax against the rule's stability bound."""
    loss = record.series("loss", symptom.optimizer)
    above = _loss_panel(loss) if len(loss) else None
    below = stability_panel(record, symptom.optimizer, _curvature_name(record, symptom), symptom.bound)
    if below is None:
        return Figure((above,), "The loss over the steps observed.") if above else None
    return Figure((above, below) if above else (below,), CAPTION)


def no_zero_grad(record: Record, symptom: Symptom) -> Figure | None:
    """Missing zero_grad: the norm of a gradient that is never emptied, and the loss."""
    norm, loss = record.series("gradient_norm"), record.series("loss", symptom.optimizer)
    if not len(norm):
        return None
    trace = line(norm, "cause", "gradient norm")
    above = Panel("Gradient norm, all parameters", (trace,), break_mark(norm), y=value_axis(norm.values))
    caption = "Each step goes along the sum of all gradients so far, not along the gradient of its own batch."
    return Figure((above, _loss_panel(loss)) if len(loss) else (above,), caption)


def dead_units(record: Record, symptom: Symptom) -> Figure | None:
    """Dead units: the share in each layer that no monitored example activates."""
    return layer_bars(record, symptom, "dead_share", "Units that no monitored example activates")


def saturated_units(record: Record, symptom: Symptom) -> Figure | None:
    """Saturated units: the share in each layer whose slope is almost zero."""
    return layer_bars(record, symptom, "saturated_share", "Units with a slope near zero")


def symmetric_units(record: Record, symptom: Symptom) -> Figure | None:
    """Symmetric units: the share in each layer with an identical twin."""
    return layer_bars(record, symptom, "twin_share", "Units that have an identical twin")


def lagging_statistics(record: Record, symptom: Symptom) -> Figure | None:
    """Lagging statistics: the cost of the same examples by the running statistics and by the batches' own."""
    modes = ("evaluation mode", "cause"), ("training mode", "ink")
    curves = [record.series(name, place).finite() for name, place in symptom.evidence]
    traces = tuple(line(curve, tone, mode) for curve, (mode, tone) in zip(curves, modes) if len(curve))
    if len(traces) < len(modes):
        return None
    values = [value for curve in curves for value in curve.values]
    panel = Panel("Cost of the same examples", traces, tuple(Key(*mode) for mode in modes), y=value_axis(values))
    caption = "Training mode normalises by each batch's own statistics, evaluation mode by the running ones."
    return Figure((panel,), caption)


PICTURES: Mapping[str, Callable[[Record, Symptom], Figure | None]] = {
    "blocked_signal": floors,
    "dead_units": dead_units,
    "inputs_not_normalised": inputs_not_normalised,
    "instability": instability,
    "lagging_statistics": lagging_statistics,
    "no_zero_grad": no_zero_grad,
    "output_loss_mismatch": output_loss_mismatch,
    "saturated_units": saturated_units,
    "symmetric_units": symmetric_units,
    "unreachable_loss": floors,
    "wrong_objective": own_numbers,
}


def _curvature_name(record: Record, symptom: Symptom) -> str:
    named = [name for name, place in symptom.evidence if place == symptom.optimizer]
    for name in (*named, "preconditioned_curvature"):
        if name in ("curvature", "preconditioned_curvature") and len(record.series(name, symptom.optimizer)):
            return name
    return "curvature"


def _loss_panel(loss: Series) -> Panel:
    trace = line(loss, "ink", "loss", width=1.5)
    return Panel("Training loss", (trace,), break_mark(loss), y=value_axis(loss.values))


def over_steps(record: Record, name: str, places: list[str], bound: float = nan, label: str = "bound") -> Panel:
    """Return one quantity at several places over the steps, with its bound where it has one."""
    measured = [record.series(name, place) for place in places]
    many = len(places) > MOST_LINES
    tones = ["cause"] * len(places) if many else list(TONES)
    traces = [
        line(series, tone, place or plain_name(name), width=1 if many else 2)
        for series, place, tone in zip(measured, places, tones)
    ]
    several = 1 < len(places) <= MOST_LINES
    names = [Key(one_line(place, 60) or "whole run", tone) for place, tone in zip(places, tones)]
    marks = next((mark for series in measured if (mark := break_mark(series))), ())
    shapes, keys = level(bound, label)
    values = [bound, *(value for series in measured for value in series.values)]
    title = plain_name(name)
    return Panel(
        title[:1].upper() + title[1:],
        tuple(traces),
        (*(names if several else ()), *keys, *marks),
        shapes=shapes,
        y=value_axis(values),
    )
