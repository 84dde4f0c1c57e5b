"""The figure of the script's logged metrics, with the loss that decides the trials."""

from math import isfinite

from descend.doctor.assess.evaluation_metric import attainable_loss, evaluation_metric
from descend.doctor.assess.logged_metric import LoggedMetric, logged_metrics
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record
from descend.doctor.report.figure import Figure, Key, Panel, level, line, non_finite_remark, value_axis
from descend.doctor.report.formatting import number, one_line

MOST_METRICS = 3


def logged_metrics_figure(record: Record, symptom: Symptom | None = None) -> Figure | None:
    """Return a figure with a chart for each metric that the script logs and one of the loss; None without a metric.

    A metric that is logged once is not drawn: the caption has its value.
    """
    metrics = logged_metrics(record)[:MOST_METRICS]
    if not metrics:
        return None
    panels = []
    single = [metric for metric in metrics if len(record.series("logged_metric", metric.name)) == 1]
    for metric in metrics:
        if metric in single:
            continue
        printed = record.series("logged_metric", metric.name)
        shapes, keys = level(metric.untrained, "untrained")
        values = [*printed.values, metric.untrained]
        better = Key("larger is better" if metric.rises else "smaller is better", "cause", "mark")
        trace = line(printed, "cause", metric.name)
        name = f"{one_line(metric.name, 60)}, as the script logs it"
        panels.append(Panel(name, (trace,), (better, *keys), shapes=shapes, y=value_axis(values)))
    fixed = record.series("metric", evaluation_metric(record))
    above = f" above the attainable loss {number(floor)}" if (floor := attainable_loss(record)) else ""
    cost, title = (
        (fixed, f"Loss on fixed examples{above}") if len(fixed) else (record.series("loss", "0"), "Training loss")
    )
    if len(cost):
        panels.append(Panel(title, (line(cost, "ink", "loss"),), non_finite_remark(cost), y=value_axis(cost.values)))
    drawn = "The script's logged metrics over the observed steps; below them, the loss."
    caption = drawn if len(single) < len(metrics) else "The loss over the observed steps."
    return Figure(tuple(panels), " ".join([caption, *(_value_message(record, metric) for metric in single)]))


def _value_message(record: Record, metric: LoggedMetric) -> str:
    """Return a sentence with the only logged value of a metric, and its value for the untrained network."""
    (step, value), *_ = record.series("logged_metric", metric.name)
    untrained = f"untrained: {number(metric.untrained)}; " if isfinite(metric.untrained) else ""
    better = "larger is better" if metric.rises else "smaller is better"
    return f"The script logs {one_line(metric.name, 60)!r} once: {number(value)} at step {step} ({untrained}{better})."
