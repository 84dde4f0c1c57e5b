"""Is the cost going down? Read on the fixed examples where there are any, on the training loss where not."""

from math import inf, isfinite, log, nan, prod, sqrt
from statistics import fmean, median, median_low, variance

from descend.doctor.course.objective import cost_curve, losses, monitored
from descend.doctor.course.opponents import exploded_at, has_opponents
from descend.doctor.course.own_metric import is_told_by_loss, metric_left_message, own_left
from descend.doctor.course.yardstick import STUCK, attainable_loss, yardstick_place
from descend.doctor.record import Record, Series, facts
from descend.ground.bound import Bound, Count

WINDOW = Count(10, "training losses of neighbouring steps", "chosen: no single batch moves the median of so many")
RISEN = Bound(1.25, "times the first cost", "chosen: a smoothed cost that is a quarter above the first one has risen")
TINY = Count(4, "examples in a batch", "chosen: the loss of so few says which examples they are")
NOISE = Bound(
    1.5,
    "times the median difference of neighbouring losses",
    "chosen: a rise has to be larger than what batches differ by",
)
START = Count(
    20, "losses from the start on", "chosen: what batches differ by falls with the loss, so a start has its own noise"
)
OF_EXAMPLES = Bound(
    1.5,
    "standard deviations of the examples' losses, over their mean",
    "a squared normal error has √2; where a run is too short to show what its batches differ by",
)
OFTEN = Bound(0.25, "of the changes from loss to loss", "chosen: of noise alone two in three turn back")
HARDLY_LEARNT = Bound(
    0.3, "of what the best constant prediction costs", "chosen: a run that leaves more has not learnt much"
)
LEFT_TO_LEARN = Bound(
    0.1, "of what the best constant prediction costs", "chosen: where more is left there is something to learn"
)
KNOWN = 1 - STUCK  # share of it that two ways to estimate a constant's cost may differ by: what `STUCK` can tell apart
STANDARD_ERRORS = Bound(
    3.0, "standard errors between two means", "of a normal law chance does it on one side once in 700 times"
)
REBOUND = Bound(2.0, "times the least cost before", "chosen: at twice that what was learnt is being lost again")


def diverged(record: Record, key: str) -> bool:
    """Whether the training loss became infinite or NaN."""
    values = record.series("loss", key).values
    return any(not isfinite(v) for v in values)


def ended_smoothly(record: Record) -> bool:
    """Whether the script came to its own end, and the first optimizer's loss neither diverged nor rose."""
    is_over = record.ending is not None and record.ending.reason == "finished"
    return is_over and not diverged(record, "0") and first_rise(record, "0") is None


def smoothed(series: Series) -> Series:
    """Return the running median over `WINDOW` steps."""
    values = series.values
    running = tuple(median_low(values[max(0, i - WINDOW + 1) : i + 1]) for i in range(len(values)))
    return Series(series.steps, running)


def first_rise(record: Record, key: str) -> int | None:
    """Return the step at which the training loss first stood well above its start; None if it never did.

    Batches differ: a rise is one that is also larger than what neighbouring losses differ by, at the start and in the
    whole run, and where batches are tiny, one that the fixed examples show, too. One that opponents may have caused is
    none.
    """
    if has_opponents(record):
        return exploded_at(record, key)
    raw = losses(record, key)
    running, least = smoothed(raw), _least_rise(raw, _scatter(raw))
    surely = _least_rise(raw, _noise(record, raw))
    has_risen = any(value > raw.first + surely for value in running.values) and _is_of_all(record)
    for step, value in running:
        if not isfinite(value) or (has_risen and value > raw.first + least):
            return step
    return None


def _least_rise(series: Series, noise: float) -> float:
    return (RISEN - 1) * max(abs(series.first), 1e-12) + NOISE * noise


def _noise(record: Record, series: Series) -> float:
    """Return by how much the losses of batches differ, around the start or in all; of few losses it is estimated."""
    measured = max(_scatter(series), _scatter(Series(series.steps[:START], series.values[:START])))
    if len(series) >= WINDOW:
        return measured
    sizes = [batch.fact.examples for batch in record.history(facts.Batch)]
    return max(measured, OF_EXAMPLES * abs(series.first) / sqrt(max((*sizes, 1))))


def _is_of_all(record: Record) -> bool:
    """Whether a rise of the batches' losses is one of the cost, as far as the fixed examples tell."""
    sizes = [batch.fact.examples for batch in record.history(facts.Batch)]
    curve = monitored(record)
    if not sizes or max(sizes) > TINY or len(curve.finite()) < len(curve) or not len(curve):
        return True
    cost, constant = record.series("yardstick", yardstick_place(record)).finite(), constant_cost(record)
    if constant is not None and len(cost) > 1 and cost.max < constant:
        return False  # they were first computed after some steps; an untrained network costs about as much
    return not curve.max < RISEN * curve.first


def _scatter(losses: Series) -> float:
    """Return by how much neighbouring losses differ in turn, up and down; a steady climb is no scatter."""
    values = losses.finite().values
    changes = [b - a for a, b in zip(values, values[1:])]
    turns = [min(abs(a), abs(b)) for a, b in zip(changes, changes[1:]) if a * b < 0]
    return median(turns) if len(turns) > OFTEN * len(changes) else 0.0


def constant_cost(record: Record) -> float | None:
    """Return the yardstick of the best constant prediction on targets that it has not seen; None where unknown.

    Of classes it is the targets' entropy, of real targets each output's variance.
    """
    if has_opponents(record):
        return None  # what the targets say is which network made the example
    targets, place = record.fact(facts.Targets), yardstick_place(record)
    if targets is None:
        return None
    if place == "squared_error":
        return targets.constant_cost or None
    own, p = targets.own_entropy, targets.mean  # the yardstick leaves the former out
    if targets.entropy is not None and targets.unseen_entropy is not None:
        least, cost = max(0.0, targets.entropy - own), max(0.0, targets.unseen_entropy - own)
        return cost if 0 < cost and cost - least <= KNOWN * cost < inf else None
    if place == "negative_log_likelihood" and p is not None and 0 < p < 1:
        return max(0.0, -(p * log(p) + (1 - p) * log(1 - p)) - own) or None
    return None


def constant_in_words(record: Record) -> str:
    """Return which constant `constant_cost` is that of.

    Several real or binary targets of an example may share one number, where a mean of each would cost less.
    """
    targets, given = record.fact(facts.Targets), record.fact(facts.LossInput)
    is_number = targets is None or targets.entropy is None and targets.constants == 1  # of classes it is their shares
    shared = is_number and given is not None and prod(given.target_shape[1:]) > 1
    return "the best single number for all outputs" if shared else "the best constant prediction"


def has_reference(record: Record) -> bool:
    """Whether there is what the cost at the end can be held against: a constant's, or one that was read earlier."""
    curve = cost_curve(record)
    return len(curve) > 1 or bool(len(curve) and constant_cost(record))


def cost_left(record: Record) -> float:
    """Return the cost at the end as a share of a constant prediction's, or else of the first cost; NaN unknown.

    Where no loss can tell, it is what the script's own number lacks, as a share of what it lacks without learning.
    """
    if isfinite(share := _own_left(record)):
        return share
    curve = cost_curve(record).finite()
    if not len(curve) or has_opponents(record) or not has_reference(record):
        return float("nan")
    reference = constant_cost(record) or curve.first
    return curve.last / reference if reference > 0 else float("nan")


def _own_left(record: Record) -> float:
    return nan if is_told_by_loss(record) else own_left(record)


def loss_left_message(record: Record) -> str:
    """Return how much is left to learn: `the loss is still 87% of that of the best constant prediction`."""
    if isfinite(share := _own_left(record)):
        return metric_left_message(record, share)
    whose = f"that of {constant_in_words(record)}" if constant_cost(record) else "the initial loss"
    floor, share = attainable_loss(record), cost_left(record)
    above = f" above the attainable {floor:.3g}" if floor else ""
    times = f"{share:.1f} times" if share > 1.5 else f"{share:.0%} of"
    return f"the loss{above} is still {times} {whose}"


def falls(record: Record, share: float = 0.5) -> float:
    """Return by how much of itself the cost fell over the last `share` of the run; 0 where it rose or is unknown."""
    curve, then = cost_curve(record).finite(), int((1 - share) * record.steps)
    if not isfinite(curve.at(then)):  # a run of a few steps is over before there are fixed examples
        curve = smoothed(losses(record, "0").finite())
    middle = curve.at(then)
    return max(0.0, 1 - curve.last / middle) if len(curve) and middle > 0 else 0.0


def is_stuck(record: Record, key: str, share: float = STUCK) -> bool:
    """Whether the run ends no better than `share` of what a constant prediction costs (or of its own first cost)."""
    if diverged(record, key):
        return True
    if isfinite(own := _own_left(record)):
        return not own < share
    if has_opponents(record):
        return exploded_at(record, key) is not None
    curve = cost_curve(record)
    if not has_reference(record):
        running = smoothed(losses(record, key))
        if not len(running):
            return False
        return not running.last < share * running.first
    reference = constant_cost(record) or curve.first
    return not curve.last < share * reference


def stuck_in_words(record: Record, key: str, share: float) -> str:
    """Return what `is_stuck` has found: `the loss is still 31% of the initial loss`."""
    if diverged(record, key):
        return "the training loss became infinite or NaN"
    if isfinite(cost_left(record)):
        return loss_left_message(record)
    return f"the training loss did not end below {share:.0%} of its first value"


def is_falling(record: Record, key: str) -> bool:
    """Whether the losses of the run's last third lie below those of its first third by more than batches differ."""
    values = losses(record, key).finite().values
    first, last = values[: len(values) // 3], values[-(len(values) // 3) :]
    if len(first) < 2:
        return False
    error = sqrt((variance(first) + variance(last)) / len(first))
    return fmean(first) - fmean(last) > STANDARD_ERRORS * error


def thirds(record: Record, key: str) -> tuple[float, float]:
    """Return the mean loss of the run's first third, and that of its last; NaN where there is none."""
    losses = record.series("loss", key).finite().values
    size = max(1, len(losses) // 3)
    return (fmean(losses[:size]), fmean(losses[-size:])) if losses else (nan, nan)


def rebounds(record: Record) -> bool:
    """Whether the cost, having come down, stood at twice that again while there was something left to learn."""
    if has_opponents(record):
        return False
    curve = cost_curve(record).finite()
    least, worth = float("inf"), LEFT_TO_LEARN * (constant_cost(record) or curve.first)
    for _, value in curve:
        if value > worth and value > REBOUND * least:
            return True
        least = min(least, value)
    return False
