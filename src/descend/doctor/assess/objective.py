"""The objective of a run: its loss, or minus its loss if the script maximises a gain such as a log-likelihood.

The loss of a script that maximises rises as it learns. Progress is therefore measured by the objective, which should
always fall. Reports print the script's own loss.
"""

from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.record import Record, Series, facts


def maximises(record: Record, key: str = "0") -> bool:
    """Return whether an optimizer's steps increase the loss, through `maximize=True` or negated gradients."""
    optimizer = record.fact(facts.Optimizer, key)
    maximises = optimizer is not None and bool(optimizer.maximize)
    altered = record.fact(facts.Alterations, key)
    return maximises is not (altered is not None and altered.is_reversed)


def maximises_on_purpose(record: Record, key: str = "0") -> bool:
    """Return whether an optimizer's steps increase the loss, and this seems intended because the loss is a gain.

    It is not intended if the loss grows with the errors, or if it has a lower but no upper bound.
    """
    if not maximises(record, key):
        return False
    connections = record.fact(facts.Connections)
    return not (connections is not None and connections.slope > 0) and not lacks_upper_bound(record, key)


def lacks_upper_bound(record: Record, key: str = "0") -> bool:
    """Return whether a loss that the steps increase has no upper bound, or rose until it was no longer finite."""
    climb, series = record.fact(facts.IncreasingLoss), record.series("loss", key)
    if climb is not None:
        return climb.of_cost
    finite = series.finite()
    return maximises(record, key) and len(finite) < len(series) and finite.last > finite.first


def batch_objective(record: Record, key: str) -> Series:
    """Return the training loss at each step, negated if the script maximises it."""
    series = record.series("loss", key)
    return negate(series) if maximises_on_purpose(record, key) else series


def fixed_examples_objective(record: Record) -> Series:
    """Return the loss on the fixed examples over the run, negated if the script maximises it."""
    series = record.series("monitored_loss")
    return negate(series) if maximises_on_purpose(record) else series


def cost_curve(record: Record) -> Series:
    """Return the evaluation metric over the run, or minus the metric if it is a loss that the script maximises."""
    place = evaluation_metric(record)
    series = record.series("metric", place)
    return negate(series) if place == "loss" and maximises_on_purpose(record) else series


def negate(series: Series) -> Series:
    """Return a series with the sign of each value changed."""
    return Series(series.steps, tuple(-value for value in series.values))
