"""Training time: the sum of the learning rates of some steps, which is how far gradient descent can get in them.

Along a direction of curvature λ the error shrinks by exp(−λ·Σα). Counted in steps, a run whose learning rate was
brought down looks like one in a ravine. Counted in training time, it does not.
"""

from math import inf, log, sqrt
from statistics import linear_regression, pvariance

from descend.doctor.course.progress import STANDARD_ERRORS, smoothed, yardstick_place
from descend.doctor.course.stability import momentum_of, stability_bound
from descend.doctor.record import Record, facts
from descend.ground.bound import Bound, Count

FEWEST = Count(10, "losses", "chosen: through fewer points a line's slope is hardly known")
RESOLVED = Bound(
    0.01, "of the logarithm of the cost, in the last half", "chosen: a smaller fall may be what the examples differ by"
)


def training_time(record: Record, key: str, since: int, until: int) -> float:
    """Return the sum of the learning rates from step `since` to the step before `until`; momentum lengthens each."""
    rates, momentum = record.series("learning_rate", key), momentum_of(record.fact(facts.Optimizer, key))
    longer = 1 / (1 - momentum) if momentum < 1 else 1.0
    return longer * sum(rate for step in range(since, until) if (rate := rates.at(step)) > 0)


def progress_before(record: Record, key: str, step: int) -> float:
    """Return by how much log(loss) falls per unit of training time just before a step; 0 if batches may explain it.

    It is the slope of a straight line through the last half of the steps before it.
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
    """Return the condition number κ that fits the fall of the cost over the run's last half; 0 without a curvature.

    On a quadratic the cost shrinks by exp(−2·λmin·Σα), so κ = 2·λmax·Σα / ln(cost before / after). Of a fall that is
    smaller than `RESOLVED`, κ is known to be at least the returned number.
    """
    steepest = record.series("curvature", key).finite().max
    time = training_time(record, key, record.steps // 2, record.steps)
    return 2 * steepest * time / max(_fall(record), RESOLVED) if steepest > 0 else 0.0


def fitted_in_words(record: Record, key: str) -> str:
    """Return the condition number that fits the progress: `609`, or `8,200 or more` where the cost hardly falls."""
    return f"{fitted_condition_number(record, key):,.0f}{'' if _fall(record) > RESOLVED else ' or more'}"


def longest_reach(record: Record, key: str) -> float:
    """Return λmax·Σα of a run of as many steps, each as long as is stable; infinite where no bound is known.

    A direction whose curvature is smaller than λmax by more than that is not reached, whatever the learning rate.
    """
    optimizer = record.fact(facts.Optimizer, key)
    bound, momentum = stability_bound(optimizer), momentum_of(optimizer)
    return record.steps * bound.value / (1 - momentum) if bound is not None and momentum < 1 else inf


def _fall(record: Record) -> float:
    """Return by how much the logarithm of the cost falls over the run's last half; 0 where it does not."""
    curve = record.series("yardstick", yardstick_place(record)).finite()
    cost = curve if len(curve) > 1 else smoothed(record.series("loss", "0").finite())
    before, after = cost.at(record.steps // 2), cost.last
    return log(before / after) if 0 < after < before else 0.0
