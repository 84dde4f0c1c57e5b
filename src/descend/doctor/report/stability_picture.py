"""α·λmax over the steps of a run, beside the bound up to which its rule does not diverge."""

from math import isfinite, nan

from descend.doctor.course.stability import curvature_name, stability_bound, step_lengths
from descend.doctor.record import Record, Series, facts
from descend.doctor.report.figure import Figure, Key, Panel, band, break_mark, level, line, value_axis

CAPTION = "Above its bound, a step along the steepest direction ends higher up than it began."


def stability(record: Record) -> Figure | None:
    """Return one panel for each optimizer whose curvature was measured; None where none was."""
    panels = []
    for key, optimizer in record.every(facts.Optimizer).items():
        name = curvature_name(record, key)
        bound = stability_bound(optimizer)
        panels += [stability_panel(record, key, name, bound.value if bound else nan)] if name else []
    drawn = tuple(panel for panel in panels if panel)
    return Figure(drawn, CAPTION) if drawn else None


def stability_panel(record: Record, key: str, name: str, bound: float) -> Panel | None:
    """Return α·λmax by the curvature `name`, with its spread between the monitored batches and the bound."""
    lengths, low, high = (step_lengths(record, key, f"{name}{end}") for end in ("", "_low", "_high"))
    if not len(lengths):
        return None
    shapes, keys = level(bound, "stability bound")
    traces = [line(lengths, "cause", "α·λmax")]
    axis = value_axis([*lengths.values, *([bound] if isfinite(bound) else [])])
    if len(low) and len(low) == len(high):
        if axis.get("type") == "log":  # upon which a batch's negative quotient has no place: the band ends at the line
            both = zip(low.values, lengths.values)
            low = Series(low.steps, tuple(value if value > 0 else mean for value, mean in both))
        traces.insert(0, band(low, high, "cause"))
        keys = (*keys, Key("spread between monitor batches", "cause", "band"))
    title = "α·λmax" if name == "curvature" else "α·λmax of the preconditioned Hessian"
    return Panel(title, tuple(traces), (*keys, *break_mark(lengths)), shapes=shapes, y=axis)
