"""What a run optimises: its loss, or minus its loss where the steps go up a gain such as a log-likelihood.

A script that maximises reports a loss that rises as it learns. Every judgement of progress therefore reads the
objective, which is always to be made small; what is printed stays the script's own loss.
"""

from descend.doctor.course.yardstick import yardstick_place
from descend.doctor.record import Record, Series, facts


def climbs(record: Record, key: str = "0") -> bool:
    """Whether an optimizer's steps go up the loss: by `maximize=True` or by reversed gradients, not by both."""
    optimizer = record.fact(facts.Optimizer, key)
    maximises = optimizer is not None and bool(optimizer.maximize)
    altered = record.fact(facts.Alterations, key)
    return maximises is not (altered is not None and altered.is_reversed)


def climbs_gain(record: Record, key: str = "0") -> bool:
    """Whether the steps go up a loss that is meant to be large, as far as can be known.

    A loss that grows with the errors is a cost, and so is one that has a least value and no greatest one.
    """
    if not climbs(record, key):
        return False
    connections = record.fact(facts.Connections)
    return not (connections is not None and connections.slope > 0) and not has_no_maximum(record, key)


def has_no_maximum(record: Record, key: str = "0") -> bool:
    """Whether a loss has a least value and no greatest one; of a run that goes up it, whether it diverged upwards."""
    climb, series = record.fact(facts.Climb), record.series("loss", key)
    if climb is not None:
        return climb.of_cost
    finite = series.finite()
    return climbs(record, key) and len(finite) < len(series) and finite.last > finite.first


def losses(record: Record, key: str) -> Series:
    """Return the objective of each step's batch."""
    series = record.series("loss", key)
    return turned(series) if climbs_gain(record, key) else series


def monitored(record: Record) -> Series:
    """Return the objective on the fixed examples."""
    series = record.series("monitored_loss")
    return turned(series) if climbs_gain(record) else series


def cost_curve(record: Record) -> Series:
    """Return the cost that the run is judged by; the script's own loss as the objective."""
    place = yardstick_place(record)
    series = record.series("yardstick", place)
    return turned(series) if place == "loss" and climbs_gain(record) else series


def turned(series: Series) -> Series:
    """Return a series with the sign of each value turned."""
    return Series(series.steps, tuple(-value for value in series.values))
