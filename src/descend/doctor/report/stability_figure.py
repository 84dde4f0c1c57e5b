"""The figure of α·λmax, learning rate times largest Hessian eigenvalue, with the optimizer's stability limit."""

from math import isfinite, nan

from descend.doctor.assess.stability import curvature_name, learning_rate_times_curvature, stability_bound
from descend.doctor.record import Record, Series, facts
from descend.doctor.report.figure import Figure, Key, Panel, band_trace, level, line, non_finite_remark, value_axis

CAPTION = "Above the stability limit, a step along the steepest direction increases the loss."


def stability_figure(record: Record) -> Figure | None:
    """Return a figure of learning rate × Hessian eigenvalue, with a chart for each optimizer; None without data."""
    panels = []
    for key, optimizer in record.every(facts.Optimizer).items():
        name = curvature_name(record, key)
        bound = stability_bound(optimizer)
        panels += [stability_panel(record, key, name, bound.value if bound else nan)] if name else []
    existing_panels = tuple(panel for panel in panels if panel)
    return Figure(existing_panels, CAPTION) if existing_panels else None


def stability_panel(record: Record, key: str, name: str, bound: float) -> Panel | None:
    """Return a chart of learning rate × largest Hessian eigenvalue over the steps, with the stability limit."""
    lengths, low, high = (learning_rate_times_curvature(record, key, f"{name}{end}") for end in ("", "_low", "_high"))
    if not len(lengths):
        return None
    shapes, keys = level(bound, "stability limit")
    traces = [line(lengths, "cause", "α·λmax")]
    axis = value_axis([*lengths.values, *([bound] if isfinite(bound) else [])])
    if len(low) and len(low) == len(high):
        # A logarithmic axis cannot show a negative lower end of the band, so the band then begins at the curve.
        if axis.get("type") == "log":
            both = zip(low.values, lengths.values)
            low = Series(low.steps, tuple(value if value > 0 else mean for value, mean in both))
        traces.insert(0, band_trace(low, high, "cause"))
        keys = (*keys, Key("spread between monitor batches", "cause", "band"))
    title = "α·λmax" if name == "curvature" else "α·λmax of the preconditioned Hessian"
    return Panel(title, tuple(traces), (*keys, *non_finite_remark(lengths)), shapes=shapes, y=axis)


def times_learning_rate(curvature: Series, learning_rate: Series) -> Series:
    """Return curvature × learning rate at each step with a measured curvature; empty without a learning rate."""
    if not len(learning_rate):
        return Series()
    first = learning_rate.steps[0]
    products = tuple(value * learning_rate.at(max(step, first)) for step, value in curvature)
    return Series(curvature.steps, products)
