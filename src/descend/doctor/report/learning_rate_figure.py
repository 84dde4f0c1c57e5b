"""The figure of the learning rate at each step and, if wanted, of the training loss above it."""

from descend.doctor.record import Record, Series
from descend.doctor.report.figure import Figure, Key, Panel, line, value_axis
from descend.doctor.report.formatting import number
from descend.doctor.report.loss_figure import loss_panel

TONES = ("ink", "cause", "cure", "third", "fourth")


def run_figure(record: Record, *, with_loss: bool) -> Figure | None:
    """Return a figure of the learning rate over the steps, with the training loss above it if `with_loss` is true."""
    panels = [panel for panel in (loss_panel(record) if with_loss else None, learning_rate_panel(record)) if panel]
    names = " and ".join(panel.title.lower() for panel in panels)
    return Figure(tuple(panels), f"The {names} over the observed steps.") if panels else None


def learning_rate_panel(record: Record) -> Panel | None:
    """Return a chart with the learning rate of each optimizer at every step; None if it was not recorded."""
    rates = {key: hold_values(record.series("learning_rate", key), record.steps) for key in _optimizers(record)}
    if not rates:
        return None
    named = zip(rates.items(), TONES)
    traces = tuple({**line(rate, tone, _name(key, rates)), "mode": "lines"} for (key, rate), tone in named)
    keys = [Key(_name(key, rates), tone) for key, tone in zip(rates, TONES)] if len(rates) > 1 else []
    first = next(iter(rates.values()))
    if len(rates) == 1 and len(set(first.values)) == 1:
        keys = [Key(f"constant: {number(first.first)}", "ink", "mark")]
    axis = value_axis([value for rate in rates.values() for value in rate.values]) or {"rangemode": "tozero"}
    return Panel("Learning rate", traces, tuple(keys), y=axis, height=170)


def hold_values(series: Series, steps: int) -> Series:
    """Return a series that was recorded at its changes only, with each value held until the step before the next one.

    steps: number of steps of the run; the last value is held until the last step.
    """
    points = list(series)
    held = list(points)
    ends = [step for step, _ in points[1:]] + [max(steps, 1)]
    for (step, value), end in zip(points, ends):
        if end - 1 > step:
            held.append((end - 1, value))
    held.sort(key=lambda point: point[0])
    return Series(tuple(step for step, _ in held), tuple(value for _, value in held))


def _optimizers(record: Record) -> list[str]:
    """Return the numbers of the optimizers whose learning rate was recorded, at most as many as there are tones."""
    return [key for key in record.places("learning_rate") if len(record.series("learning_rate", key))][: len(TONES)]


def _name(key: str, rates: dict[str, Series]) -> str:
    """Return the name of an optimizer's curve."""
    return f"optimizer {key}" if len(rates) > 1 else "learning rate"
