"""What the script itself says of how good its network is, beside the cost by which changes are judged."""

from descend.doctor.course.own_metric import own_metrics
from descend.doctor.course.yardstick import attainable_loss, yardstick_place
from descend.doctor.record import Record
from descend.doctor.report.figure import Figure, Key, Panel, break_mark, level, line, value_axis
from descend.doctor.report.wording import number, one_line
from descend.doctor.symptoms import Symptom

MOST = 3  # numbers that are drawn


def own_numbers(record: Record, symptom: Symptom | None = None) -> Figure | None:
    """Return the script's own numbers, each in a panel, with what they are without learning; below them the cost."""
    metrics = own_metrics(record)[:MOST]
    if not metrics:
        return None
    panels = []
    for metric in metrics:
        printed = record.series("own_number", metric.name)
        shapes, keys = level(metric.untrained, "without learning")
        values = [*printed.values, metric.untrained]
        better = Key("larger is better" if metric.rises else "smaller is better", "cause", "mark")
        trace = line(printed, "cause", metric.name)
        name = f"{one_line(metric.name, 60)}, as the script prints it"
        panels.append(Panel(name, (trace,), (better, *keys), shapes=shapes, y=value_axis(values)))
    fixed = record.series("yardstick", yardstick_place(record))
    above = f" above the attainable loss {number(floor)}" if (floor := attainable_loss(record)) else ""
    cost, title = (
        (fixed, f"Cost of fixed examples{above}") if len(fixed) else (record.series("loss", "0"), "Training loss")
    )
    if len(cost):
        panels.append(Panel(title, (line(cost, "ink", "cost"),), break_mark(cost), y=value_axis(cost.values)))
    return Figure(tuple(panels), "The script's own numbers over the steps observed, and below them the cost.")
