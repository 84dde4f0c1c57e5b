"""Training time: the sum of the learning rates of some steps, which limits how far gradient descent can get.

Along a direction of curvature λ the error shrinks by exp(−λ·Σα). Per step, a run with a decayed learning rate looks
like one with ill-conditioned curvature. Per unit of training time, it does not.
"""

from math import inf, log, sqrt
from statistics import linear_regression, pvariance

from descend.core.bound import Bound, Count
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.noise import running_median
from descend.doctor.assess.stability import momentum_of, stability_bound
from descend.doctor.assess.summary import STANDARD_ERRORS
from descend.doctor.record import Record, facts

FEWEST = Count(10, "losses", "chosen: the slope of a line through fewer losses is too uncertain")
RESOLVED = Bound(
    0.01,
    "fall of the logarithm of the cost over the last half of the run",
    "chosen: a smaller fall may come from differences between examples",
)


def training_time(record: Record, key: str, since: int, until: int) -> float:
    """Return the sum of the learning rates of the steps from `since` to `until` − 1, divided by 1 − momentum."""
    rates, momentum = record.series("learning_rate", key), momentum_of(record.fact(facts.Optimizer, key))
    longer = 1 / (1 - momentum) if momentum < 1 else 1.0
    return longer * sum(rate for step in range(since, until) if (rate := rates.at(step)) > 0)


def log_loss_fall_rate(record: Record, key: str, step: int) -> float:
    """Return how fast log(loss) fell before a step, per unit of training time; 0 if batch noise may explain the fall.

    It is the slope of a line through the last half of the earlier losses. Training time is the sum of learning rates.
    """
    losses = list(record.series("loss", key).finite().until(step))
    last = losses[len(losses) // 2 :]
    if len(last) < FEWEST or min(loss for _, loss in last) <= 0:
        return 0.0
    steps, logarithms = [float(step) for step, _ in last], [log(loss) for _, loss in last]
    line = linear_regression(steps, logarithms)
    residuals = [y - line.intercept - line.slope * x for x, y in zip(steps, logarithms)]
    error = sqrt(sum(r * r for r in residuals) / (len(last) - 2) / (pvariance(steps) * len(last)))
    time = training_time(record, key, last[0][0], step) / len(last)
    return -line.slope / time if -line.slope > STANDARD_ERRORS * error and time > 0 else 0.0


def fitted_condition_number(record: Record, key: str) -> float:
    """Return the condition number κ that fits the fall of the loss over the last half of the run; 0 if unknown.

    On a quadratic the loss shrinks by exp(−2·λmin·Σα), so κ = 2·λmax·Σα / ln(loss before / after). If the fall is
    smaller than `RESOLVED`, the returned number is a lower bound of κ.
    """
    steepest = record.series("curvature", key).finite().max
    time = training_time(record, key, record.steps // 2, record.steps)
    return 2 * steepest * time / max(_log_loss_fall(record), RESOLVED) if steepest > 0 else 0.0


def fitted_condition_number_message(record: Record, key: str) -> str:
    """Return the fitted condition number as text: `609`, or `8,200 or more` if it is a lower bound."""
    return f"{fitted_condition_number(record, key):,.0f}{'' if _log_loss_fall(record) > RESOLVED else ' or more'}"


def largest_reachable_condition(record: Record, key: str) -> float:
    """Return the largest ratio λmax/λ at which the run could reduce the error along a direction of curvature λ.

    It is λmax times the sum of the largest stable learning rates; infinity if no stability limit is known.
    """
    optimizer = record.fact(facts.Optimizer, key)
    bound, momentum = stability_bound(optimizer), momentum_of(optimizer)
    return record.steps * bound.value / (1 - momentum) if bound is not None and momentum < 1 else inf


def _log_loss_fall(record: Record) -> float:
    """Return the fall of the logarithm of the loss over the last half of the run; 0 if it does not fall."""
    curve = record.series("metric", evaluation_metric(record)).finite()
    cost = curve if len(curve) > 1 else running_median(record.series("loss", "0").finite())
    before, after = cost.at(record.steps // 2), cost.last
    return log(before / after) if 0 < after < before else 0.0
