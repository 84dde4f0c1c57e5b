"""The figure with the evidence of each finding, drawn from the record of the baseline run.

A problem with a special figure has a function named after it; for any other, the series of its evidence are drawn.
"""

from collections.abc import Callable, Mapping
from math import nan

from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, Series
from descend.doctor.report.figure import Figure, Key, Panel, level, line, non_finite_remark, value_axis
from descend.doctor.report.formatting import one_line, plain_name
from descend.doctor.report.input_figure import inputs_not_normalised
from descend.doctor.report.layer_figure import layer_bars
from descend.doctor.report.learning_rate_figure import hold_values
from descend.doctor.report.logged_metric_figure import logged_metrics_figure
from descend.doctor.report.loss_figure import MOST_LINES
from descend.doctor.report.output_loss_figure import output_loss_mismatch
from descend.doctor.report.quantities import is_share, value_with_unit
from descend.doctor.report.reachable_loss_figure import reachable_loss_figure
from descend.doctor.report.stability_figure import CAPTION, stability_panel

MOST_PANELS = 4
TONES = ("cause", "cure", "third", "fourth", "ink")


def finding_figure(record: Record, symptom: Symptom) -> Figure | None:
    """Return the figure that shows the evidence for a finding; None if the needed values were not recorded."""
    draw = FIGURES.get(symptom.id, evidence_figure)
    return draw(record, symptom) or evidence_figure(record, symptom)


def evidence_figure(record: Record, symptom: Symptom) -> Figure | None:
    """Return a figure of the measured values that are evidence for a finding, over the steps, with their limit."""
    places: dict[str, list[str]] = {}
    for name, place in symptom.evidence:
        if len(record.series(name, place)):
            places.setdefault(name, []).append(place)
    names = list(places)[:MOST_PANELS]
    if not names:
        return None
    bounds = {symptom.quantity: symptom.bound}
    panels = [panel_over_steps(record, name, places[name], bounds.get(name, nan)) for name in names]
    listed = ", ".join(plain_name(name) for name in names)
    return Figure(tuple(panels), f"{listed[:1].upper()}{listed[1:]} over the observed steps.")


def instability(record: Record, symptom: Symptom) -> Figure | None:
    """Return the figure for unstable training: the loss, and learning rate × Hessian eigenvalue with its limit."""
    loss = record.series("loss", symptom.optimizer)
    above = _loss_panel(loss) if len(loss) else None
    below = stability_panel(record, symptom.optimizer, _curvature_name(record, symptom), symptom.bound)
    if below is None:
        return Figure((above,), "The loss over the observed steps.") if above else None
    return Figure((above, below) if above else (below,), CAPTION)


def no_zero_grad(record: Record, symptom: Symptom) -> Figure | None:
    """Return the figure for a run that never clears its gradients: the gradient norm and the training loss."""
    norm, loss = record.series("gradient_norm"), record.series("loss", symptom.optimizer)
    if not len(norm):
        return None
    trace = line(norm, "cause", "gradient norm")
    above = Panel("Gradient norm, all parameters", (trace,), non_finite_remark(norm), y=value_axis(norm.values))
    caption = "Each step uses the sum of all gradients so far instead of the gradient of its own batch."
    return Figure((above, _loss_panel(loss)) if len(loss) else (above,), caption)


def dead_units(record: Record, symptom: Symptom) -> Figure | None:
    """Return a bar chart of the share of each layer's units that are inactive for all monitored examples."""
    return layer_bars(record, symptom, "dead_share", "Units that are inactive for all monitored examples")


def saturated_units(record: Record, symptom: Symptom) -> Figure | None:
    """Return a bar chart of the share of each layer's units whose activation function has a slope near zero."""
    return layer_bars(record, symptom, "saturated_share", "Units whose activation function has a slope near zero")


def symmetric_units(record: Record, symptom: Symptom) -> Figure | None:
    """Return a bar chart of the share of each layer's units that are identical to another unit."""
    return layer_bars(record, symptom, "duplicate_share", "Units that are identical to another unit")


def lagging_statistics(record: Record, symptom: Symptom) -> Figure | None:
    """Return the figure for outdated running statistics: the loss in training and in evaluation mode."""
    modes = ("evaluation mode", "cause"), ("training mode", "ink")
    curves = [record.series(name, place).finite() for name, place in symptom.evidence]
    traces = tuple(line(curve, tone, mode) for curve, (mode, tone) in zip(curves, modes) if len(curve))
    if len(traces) < len(modes):
        return None
    values = [value for curve in curves for value in curve.values]
    panel = Panel("Loss on the same examples", traces, tuple(Key(*mode) for mode in modes), y=value_axis(values))
    caption = "Training mode normalises with the statistics of each batch, evaluation mode with the running statistics."
    return Figure((panel,), caption)


FIGURES: Mapping[str, Callable[[Record, Symptom], Figure | None]] = {
    "blocked_signal": reachable_loss_figure,
    "dead_units": dead_units,
    "inputs_not_normalised": inputs_not_normalised,
    "instability": instability,
    "lagging_statistics": lagging_statistics,
    "no_zero_grad": no_zero_grad,
    "output_loss_mismatch": output_loss_mismatch,
    "saturated_units": saturated_units,
    "symmetric_units": symmetric_units,
    "unreachable_loss": reachable_loss_figure,
    "wrong_objective": logged_metrics_figure,
}


def _curvature_name(record: Record, symptom: Symptom) -> str:
    """Return the recorded curvature that a finding is about: "curvature" or "preconditioned_curvature"."""
    named = [name for name, place in symptom.evidence if place == symptom.optimizer]
    for name in (*named, "preconditioned_curvature"):
        if name in ("curvature", "preconditioned_curvature") and len(record.series(name, symptom.optimizer)):
            return name
    return "curvature"


def _loss_panel(loss: Series) -> Panel:
    """Return a chart of the training loss over the steps."""
    trace = line(loss, "ink", "loss", width=1.5)
    return Panel("Training loss", (trace,), non_finite_remark(loss), y=value_axis(loss.values))


def panel_over_steps(record: Record, name: str, places: list[str], bound: float = nan, label: str = "limit") -> Panel:
    """Return a chart of a quantity over the steps, with a curve for each layer or parameter and a line at the limit."""
    measured = [record.series(name, place) for place in places]
    if name == "learning_rate":  # recorded only where it changes
        measured = [hold_values(series, record.steps) for series in measured]
    many = len(places) > MOST_LINES
    tones = ["cause"] * len(places) if many else list(TONES)
    traces = [
        line(series, tone, place or plain_name(name), width=1 if many else 2)
        for series, place, tone in zip(measured, places, tones)
    ]
    several = 1 < len(places) <= MOST_LINES
    names = [Key(one_line(place, 60) or "whole run", tone) for place, tone in zip(places, tones)]
    marks = next((mark for series in measured if (mark := non_finite_remark(series))), ())
    shapes, keys = level(bound, label, form=lambda value: value_with_unit(name, value))
    values = [bound, *(value for series in measured for value in series.values)]
    title, axis = plain_name(name), value_axis(values)
    return Panel(
        title[:1].upper() + title[1:],
        tuple(traces),
        (*(names if several else ()), *keys, *marks),
        shapes=shapes,
        y=axis or ({"tickformat": ".0%"} if is_share(name) else {}),
    )
