"""The figure of the training loss."""

from descend.doctor.record import Record
from descend.doctor.report.figure import Figure, Key, Panel, line, non_finite_remark, value_axis

MOST_LINES = 5  # With more curves, all of them are thin and have the same colour.


def loss_curve(record: Record) -> Figure | None:
    """Return a figure of the training loss and, if measured, of the loss on fixed batches; None without a loss."""
    panel = loss_panel(record)
    return Figure((panel,), "The loss over the observed steps.") if panel else None


def loss_panel(record: Record) -> Panel | None:
    """Return a chart of the training loss and, if measured, of the loss on fixed batches; None without a loss."""
    places = [place for place in record.places("loss") if len(record.series("loss", place))]
    losses = [record.series("loss", place) for place in places[:MOST_LINES]]
    monitored = record.series("monitored_loss")
    traces = [line(loss, "faint", "loss of each step", width=1) for loss in losses]
    keys = [Key("loss of each step on its own batch", "faint")] if losses else []
    if len(monitored):
        traces.append(line(monitored, "cure", "loss on fixed batches"))
        keys.append(Key("loss on fixed batches", "cure"))
    if not traces:
        return None
    values = [value for series in (*losses, monitored) for value in series.values]
    marks = next((mark for loss in losses if (mark := non_finite_remark(loss))), ())
    return Panel("Training loss", tuple(traces), (*keys, *marks), y=value_axis(values), height=260)
