"""The metrics that a script logs about the network it trains, read as costs whose definition no remedy changes.

Some losses do not measure progress: those of a policy, of adversarial networks, or with terms that a remedy changes.
A logged metric such as `test accuracy 0.93` or `mean reward 12.1` still does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Literal

from descend.core.bound import Bound, Count
from descend.doctor.assess.evaluation_metric import STUCK, evaluation_metric
from descend.doctor.assess.first_steps import first_steps_without_gradients
from descend.doctor.assess.objective import batch_objective
from descend.doctor.assess.opponents import has_opponents
from descend.doctor.assess.stages import stages
from descend.doctor.record import Record, Series, facts

PERCENT = Bound(
    1.5,
    "largest value of a metric that is logged as a share, not in percent",
    "chosen a little above 1, the largest possible share: a metric with a larger value is given in percent",
)
# smallest improvement of a metric that counts, as a share of its value for the untrained network
LEAST_PROGRESS = 1 - STUCK
HALVED = Bound(
    0.5,
    "remaining share of the metric's initial distance from its best value",
    "chosen: a metric that has covered half of this distance has learned something",
)
LITTLE = Bound(
    0.2,
    "remaining distance of a metric from its best value, as a share of the untrained distance or of its range",
    "chosen: the metric of an untrained network is never this close to its best value",
)
SAME = Bound(
    0.05,
    "relative difference between a logged and an observed loss",
    "chosen: three logged numbers do not match three losses this closely by chance",
)
ONCE = Bound(
    0.001,
    "relative difference between a logged and an observed loss",
    "chosen: a single number may match by chance, so it must match more closely than three numbers",
)
SEVERAL = Count(3, "logged numbers", "chosen: three logged numbers rarely match three losses by chance")
UNIMPROVED = Bound(
    0.5,
    "remaining share of the distance between the untrained network's metric and the best value",
    "chosen: the metric has then covered less than half of the distance to its best value",
)
ERROR_LOSSES = frozenset("mse bce ce".split())  # names of losses that compare predictions with targets
LATE = Bound(
    0.5,
    "share of the run's steps",
    "chosen: a number that is only logged in the first half of the run does not describe its result",
)
# The description of a metric whose name does not show whether a higher value is better.
UNKNOWN_NAME = facts.MetricName(rises=None, is_share=False, is_loss=False, is_held_out=None)


@dataclass(frozen=True)
class LoggedMetric:
    """A metric that a script logs by name, and how its values are converted to costs (lower is better).

    kind: an `error` is a cost itself. The cost of a `share` is what it lacks. The cost of a `gain` is the inverse of
    its improvement on the untrained network.
    """

    name: str
    kind: Literal["error", "share", "gain"]
    rises: bool
    untrained: float = nan
    whole: float = 1.0  # best value of a metric that is a share: 1, or 100 if it is logged in percent
    is_held_out: bool | None = None  # whether the metric is measured on held-out data; None if its name is unclear
    may_be_likelihood: bool = False  # whether the metric may be a likelihood of the data, whose best value is unknown

    def cost(self, value: float) -> float:
        """Convert a logged value to a cost of at least 0; the cost of NaN and of infinite values is infinity."""
        if not isfinite(value):
            return inf
        if self.kind == "gain":
            return gain_to_cost(self.improvement(value), self.untrained)
        return max(0.0, self.whole - value if self.kind == "share" else value)

    def improvement(self, value: float) -> float:
        """Return how much better a logged value is than the untrained network's value; negative if it is worse."""
        return (value - self.untrained) * (1 if self.rises else -1)

    def last_value(self, record: Record) -> float:
        """Return the last value that a run logged of this metric."""
        return record.series("logged_metric", self.name).last

    @property
    def cost_formula(self) -> str:
        """The formula that converts the metric to a cost, such as `1 − 'test accuracy'`."""
        if self.kind == "gain":
            return f"1 / improvement of {self.name!r} on the untrained network's {self.untrained:.3g}"
        return f"{self.whole:g} − {self.name!r}" if self.kind == "share" else repr(self.name)

    def cost_series(self, record: Record) -> Series:
        """Return the series of values that a run logged of this metric, converted to costs."""
        printed = record.series("logged_metric", self.name)
        return Series(printed.steps, tuple(map(self.cost, printed.values)))


def gain_to_cost(gain: float, untrained: float) -> float:
    """Convert the gain over the `untrained` value of a metric to the cost 1 / gain.

    A gain of less than a tenth of the untrained value counts as that tenth.
    """
    return 1 / max(gain, LEAST_PROGRESS * abs(untrained), 1e-9)


def logged_metrics(record: Record) -> list[LoggedMetric]:
    """Return the metrics that a script logs about the network it trains, the most informative first.

    Metrics that training may minimise itself are left out. Unimproved metrics come first, then metrics that are not
    losses, then those on held-out data, then those not on test data, by which no setting should be chosen. Among
    equals, the last logged one comes first.
    """
    found = []
    for order, name in enumerate(record.places("logged_metric")):
        if _is_uninformative(record, name) or (metric := _classify(record, name)) is None:
            continue
        described = record.fact(facts.MetricName, name) or UNKNOWN_NAME
        held_out = {True: 0, None: 1, False: 2}[metric.is_held_out]
        is_loss, is_test = described.is_loss or described.rises is None, "test" in re.findall("[a-z]+", name)
        found.append(((not is_unimproved(record, metric), is_loss, held_out, is_test, -order), metric))
    return [metric for _, metric in sorted(found, key=lambda pair: pair[0])]


def needs_untrained_values(record: Record) -> bool:
    """Return whether the logged metrics must also be measured for an untrained network.

    They are not needed if every metric already shows learning: its cost has halved, or it is a share that lacks little
    in a run whose loss measures the task.
    """
    names = [name for name in record.places("logged_metric") if not _is_uninformative(record, name)]
    metrics = [metric for name in names if (metric := _classify(record, name)) is not None]
    return len(metrics) < len(names) or not all(_shows_learning(record, metric) for metric in metrics)


def _shows_learning(record: Record, metric: LoggedMetric) -> bool:
    """Return whether a metric's values show that the network learns, even if its untrained value is unknown."""
    curve = metric.cost_series(record)
    is_good = metric.kind == "share" and curve.last < LITTLE * metric.whole and is_measured_by_loss(record)
    return is_good or len(curve) > 1 and curve.last < HALVED * curve.first


def is_measured_by_loss(record: Record) -> bool:
    """Return whether the loss measures how well the task is learned; for a GAN or a policy, it does not."""
    is_of_task = evaluation_metric(record) not in ("", "loss")
    return is_of_task and not samples_its_own_loss(record) and not has_opponents(record)


def samples_its_own_loss(record: Record) -> bool:
    """Return whether the network itself samples or selects the examples of its loss, as with policy gradients."""
    return record.fact(facts.SelfSampledLoss) is not None or record.fact(facts.SelectedExamplesLoss) is not None


def main_metric(record: Record) -> LoggedMetric | None:
    """Return the most informative logged metric; None if the script logs no metric."""
    return next(iter(logged_metrics(record)), None)


def smallest_remaining_gap(record: Record, metrics: Sequence[LoggedMetric]) -> float:
    """Return the smallest remaining gap of several logged metrics to their best values; NaN if no gap is known.

    A gap is a share of the untrained network's gap or, if that is unknown, of the metric's range.
    """
    return min((left for metric in metrics if isfinite(left := _remaining_gap(record, metric))), default=nan)


def remaining_gap_message(record: Record, metrics: Sequence[LoggedMetric], share: float) -> str:
    """Return a phrase that names the metric whose remaining gap to its best value is `share`, and states this gap."""
    metric = next(metric for metric in metrics if _remaining_gap(record, metric) == share)
    if isfinite(metric.untrained):
        return f"the gap between {metric.name!r} and its best value is still {share:.0%} of an untrained network's gap"
    return f"the gap between {metric.name!r} and its best value is still {share:.0%} of the metric's range"


def _remaining_gap(record: Record, metric: LoggedMetric) -> float:
    """Return the gap between a metric's last value and its best value, divided by the untrained network's gap.

    Without a value for an untrained network, a share's gap is divided by its range. NaN if both are unknown.
    """
    known = isfinite(metric.untrained)
    whole = metric.cost(metric.untrained) if known else metric.whole if metric.kind == "share" else nan
    return metric.cost(metric.last_value(record)) / whole if whole > 0 else nan


def is_unimproved(record: Record, metric: LoggedMetric) -> bool:
    """Return whether a metric is known to end nearer to an untrained network's value than to its best value."""
    if is_at_chance(record, metric):
        return True
    cost, untrained_cost = metric.cost(metric.last_value(record)), metric.cost(metric.untrained)
    return _has_known_gap(metric) and cost > UNIMPROVED * untrained_cost


def has_closed_gap(record: Record, metric: LoggedMetric) -> bool:
    """Return whether a metric is known to have closed most of the gap between the untrained and the best value."""
    return _has_known_gap(metric) and metric.cost(metric.last_value(record)) < LITTLE * metric.cost(metric.untrained)


def _has_known_gap(metric: LoggedMetric) -> bool:
    """Return whether both the metric's value for an untrained network and its best value are known."""
    return isfinite(metric.untrained) and metric.kind != "gain" and not metric.may_be_likelihood


def is_at_chance(record: Record, metric: LoggedMetric) -> bool | None:
    """Return whether a metric ends no better than for an untrained network; None if the untrained value is unknown."""
    if not isfinite(metric.untrained):
        return None
    value = metric.last_value(record)
    if metric.kind == "gain":
        return not metric.improvement(value) > LEAST_PROGRESS * abs(metric.untrained)
    return not metric.cost(value) < STUCK * metric.cost(metric.untrained)


def _is_uninformative(record: Record, name: str) -> bool:
    """Return whether a logged number, such as the training loss, does not show how well the task is learned."""
    described, printed = record.fact(facts.MetricName, name) or UNKNOWN_NAME, record.series("logged_metric", name)
    is_training_loss = described.is_loss and not described.is_held_out
    if is_training_loss or not printed.steps or printed.steps[-1] < LATE * record.steps:
        return True
    if _may_describe_next_stage(record, printed):
        return True
    if described.rises is None and not _is_observed_loss(record, name):
        return True
    is_same = _untrained_value(record, name) == printed.last
    # An untrained network may by chance classify the same share of a few hundred examples correctly.
    may_be_same = described.is_share or _has_no_gradients(record)
    return is_same and not may_be_same


def _may_describe_next_stage(record: Record, printed: Series) -> bool:
    """Return whether a number was logged only once, after a training stage ended, and a further stage follows.

    It may then describe the start of the next stage.
    """
    stage = record.fact(facts.Stage)
    has_next = stage.number < stage.of if stage else len(stages(record)) > 1
    return has_next and len(printed) == 1 and printed.steps[0] >= record.steps


def _has_no_gradients(record: Record) -> bool:
    """Return whether no parameter received a gradient in the first steps, so all keep their initial values."""
    places = list(record.every(facts.Wiring))
    return bool(places) and all(first_steps_without_gradients(record, place) for place in places)


def _untrained_value(record: Record, name: str) -> float:
    """Return the value of a metric that the script logs for an untrained network; NaN if it is unknown."""
    untrained = record.fact(facts.UntrainedMetric, name)
    return untrained.value if untrained else nan


def _is_observed_loss(record: Record, name: str) -> bool:
    """Return whether a logged number equals a loss that the script computes in its evaluation."""
    printed, off = record.series("logged_metric", name), 1.0
    for place in record.places("evaluation_loss"):
        evaluated = record.series("evaluation_loss", place)
        apart = [abs(value - evaluated.at(step)) / max(abs(value), 1e-12) for step, value in printed]
        off = min(off, max((a if isfinite(a) else 1.0 for a in apart), default=1.0))
    return off < (SAME if len(printed) >= SEVERAL else ONCE)


def _is_the_loss(record: Record, name: str) -> bool:
    """Return whether a metric whose name says that higher is better is in fact the minimised loss.

    Many scripts log the negative ELBO as `elbo`. The sign of the initial value decides, not the trend: a true ELBO
    falls in a bad training.
    """
    values, minimised = record.series("logged_metric", name).finite(), batch_objective(record, "0").finite()
    if not len(values) or not len(minimised):
        return False
    begun = _untrained_value(record, name)
    value, loss = (begun, minimised.first) if isfinite(begun) else (values.first, minimised.at(values.steps[0]))
    return abs(value - loss) < abs(value + loss)


def _classify(record: Record, name: str) -> LoggedMetric | None:
    """Return a logged number as a metric of kind error, share or gain; None for a gain of unknown untrained value."""
    values, described = record.series("logged_metric", name).values, record.fact(facts.MetricName, name) or UNKNOWN_NAME
    untrained = _untrained_value(record, name)
    known = [v for v in (*values, untrained) if isfinite(v)]
    rises = bool(described.rises) and not (described.is_loss and _is_the_loss(record, name))
    if described.is_share:
        whole = 1.0 if max(known, default=0.0) <= PERCENT else 100.0
        return LoggedMetric(name, "share", True, untrained, whole, described.is_held_out)
    free = described.is_loss and ERROR_LOSSES.isdisjoint(name.split()) and not record.places("evaluation_loss")
    has_a_floor = min(known, default=0.0) >= 0 and not record.fact(facts.Floorless, name)
    kind: Literal["error", "gain"] = "error" if not rises and has_a_floor else "gain"
    if kind == "gain" and not isfinite(untrained):
        return None
    return LoggedMetric(name, kind, rises, untrained, is_held_out=described.is_held_out, may_be_likelihood=free)
