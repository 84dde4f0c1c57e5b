"""The run summary: whether a run diverged, rose, plateaued or learned. Every problem is detected with its help."""

from dataclasses import dataclass, field
from math import isfinite, nan, sqrt
from statistics import fmean, variance
from typing import Any

from descend.core.bound import Bound, Count
from descend.doctor.assess import constant_prediction, logged_metric
from descend.doctor.assess.computed_once import cache_result
from descend.doctor.assess.evaluation_metric import STUCK, evaluation_metric
from descend.doctor.assess.logged_metric import LoggedMetric
from descend.doctor.assess.noise import RISEN, batch_noise, reversal_size, running_median, smallest_rise
from descend.doctor.assess.objective import batch_objective, cost_curve, fixed_examples_objective
from descend.doctor.assess.opponents import first_exploded_step, has_opponents
from descend.doctor.record import Record, facts
from descend.doctor.script.run_names import EndReason

LITTLE_LEARNED = Bound(
    0.3,
    "final cost divided by the cost of the best constant prediction",
    "chosen: a run with a higher cost counts as having learned little",
)
LEFT_TO_LEARN = Bound(
    0.1,
    "final cost divided by the cost of the best constant prediction",
    "chosen: a run with a higher cost still has a relevant part of its task to learn",
)
TINY = Count(4, "examples in a batch", "chosen: the loss of fewer examples depends mostly on which ones they are")
STANDARD_ERRORS = Bound(
    3.0,
    "standard errors between two means",
    "a normally distributed variable exceeds its mean by this much only once in 700 draws",
)
REBOUND = Bound(
    2.0, "multiple of the lowest earlier cost", "chosen: a run whose cost has doubled loses what it had learned"
)


@dataclass(frozen=True)
class RunSummary:
    """Conclusions about one run, such as whether its loss diverged or rose. Each is computed when it is first read.

    Losses count as costs: lower is better. The argument `key` is the optimizer: "0" for the first one that the script
    creates.
    """

    record: Record
    cached_values: dict[tuple[Any, ...], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    # The following properties describe the logged metrics.

    @property
    @cache_result
    def metrics(self) -> list[LoggedMetric]:
        """The metrics that the script logs about the network it trains, the most informative first."""
        return logged_metric.logged_metrics(self.record)

    @property
    def metric(self) -> LoggedMetric | None:
        """The most informative logged metric; None if the script logs no metric."""
        return next(iter(self.metrics), None)

    @property
    @cache_result
    def is_measured_by_loss(self) -> bool:
        """Whether the loss measures how well the task is learned; for a GAN or a policy, it does not."""
        return logged_metric.is_measured_by_loss(self.record)

    @property
    @cache_result
    def remaining_metric_gap(self) -> float:
        """The smallest remaining share of the gap between a logged metric and its best value; NaN if it is unknown."""
        return logged_metric.smallest_remaining_gap(self.record, self.metrics)

    @property
    @cache_result
    def remaining_share_gap(self) -> float:
        """The smallest remaining share of the gap between a logged accuracy or similar and 100 %; NaN if unknown."""
        shares = [metric for metric in self.metrics if metric.kind == "share"]
        return logged_metric.smallest_remaining_gap(self.record, shares)

    @property
    def remaining_gap_of_task_metric(self) -> float:
        """The smallest remaining gap of the logged metrics; NaN if the loss measures the task, or if it is unknown."""
        return nan if self.is_measured_by_loss else self.remaining_metric_gap

    @property
    def has_learned_by_metric(self) -> bool:
        """Whether a logged metric has closed most of the gap between an untrained network and its best value."""
        return any(logged_metric.has_closed_gap(self.record, metric) for metric in self.metrics)

    @property
    def has_unimproved_metric(self) -> bool:
        """Whether a logged metric is known to end nearer to an untrained network's value than to its best value."""
        return any(logged_metric.is_unimproved(self.record, metric) for metric in self.metrics)

    @property
    def has_only_untrained_metrics(self) -> bool:
        """Whether the script logs metrics, and all of them are known to end no better than for an untrained network."""
        at_untrained = [logged_metric.is_at_chance(self.record, metric) for metric in self.metrics]
        return bool(at_untrained) and all(answer is True for answer in at_untrained)

    # The following properties describe the loss.

    @property
    @cache_result
    def constant_cost(self) -> float | None:
        """The cost of the best constant prediction; None if it is unknown."""
        return constant_prediction.constant_cost(self.record)

    @property
    @cache_result
    def has_reference_cost(self) -> bool:
        """Whether there is a cost to compare the final cost with: an earlier cost or that of a constant prediction."""
        curve = cost_curve(self.record)
        return len(curve) > 1 or bool(len(curve) and self.constant_cost)

    @property
    @cache_result
    def cost_left(self) -> float:
        """The final cost divided by that of the best constant prediction, or by the first cost; NaN if unknown.

        If the loss does not measure the task, it is the smallest remaining gap of a logged metric.
        """
        if isfinite(share := self.remaining_gap_of_task_metric):
            return share
        curve = cost_curve(self.record).finite()
        if not len(curve) or has_opponents(self.record) or not self.has_reference_cost:
            return nan
        reference = self.constant_cost or curve.first
        return curve.last / reference if reference > 0 else nan

    @property
    @cache_result
    def loss_left(self) -> float:
        """The final loss divided by that of the best constant prediction, or by the first loss; NaN if unknown."""
        curve = self.record.series("metric", evaluation_metric(self.record)).finite()
        reference = self.constant_cost or curve.first
        if not len(curve):
            curve = running_median(self.record.series("loss", "0").finite())
            reference = curve.first
        return curve.last / reference if reference > 0 else nan

    @property
    def has_learned(self) -> bool:
        """Whether the final loss is near 0, or a logged accuracy or other share is near its best value."""
        return self.loss_left < LEFT_TO_LEARN or self.remaining_share_gap < LEFT_TO_LEARN

    @cache_result
    def diverged(self, key: str = "0") -> bool:
        """Return whether the training loss became infinite or NaN."""
        return any(not isfinite(value) for value in self.record.series("loss", key).values)

    @cache_result
    def first_rise(self, key: str = "0") -> int | None:
        """Return the first step whose smoothed training loss is well above the first loss; None without such a step.

        A rise must exceed the differences between neighbouring batches, at the start and in the whole run. With tiny
        batches, the fixed examples must also show it. Between adversarial optimizers, only an explosion counts.
        """
        if has_opponents(self.record):
            return first_exploded_step(self.record, key)
        raw = batch_objective(self.record, key)
        running, least = running_median(raw), smallest_rise(raw, reversal_size(raw))
        certain = smallest_rise(raw, batch_noise(self.record, raw))
        has_risen = any(value > raw.first + certain for value in running.values) and self._cost_may_have_risen()
        for step, value in running:
            if not isfinite(value) or (has_risen and value > raw.first + least):
                return step
        return None

    def _cost_may_have_risen(self) -> bool:
        """Return whether a rise of the training loss may be real. If batches are tiny, fixed examples must show it."""
        sizes = [batch.fact.examples for batch in self.record.history(facts.Batch)]
        curve = fixed_examples_objective(self.record)
        if not sizes or max(sizes) > TINY or len(curve.finite()) < len(curve) or not len(curve):
            return True
        cost, constant = self.record.series("metric", evaluation_metric(self.record)).finite(), self.constant_cost
        if constant is not None and len(cost) > 1 and cost.max < constant:
            # An untrained network costs about as much as a constant prediction, so the first cost was measured later.
            return False
        return not curve.max < RISEN * curve.first

    @property
    @cache_result
    def ended_smoothly(self) -> bool:
        """Whether the script ended by itself, and the first optimizer's loss neither diverged nor rose."""
        is_over = self.record.ending is not None and self.record.ending.reason == EndReason.FINISHED
        return is_over and not self.diverged() and self.first_rise() is None

    @cache_result
    def relative_fall(self, share: float = 0.5) -> float:
        """Return by which share the cost fell over the last `share` of the run; 0 if it rose or is unknown."""
        curve, start = cost_curve(self.record).finite(), int((1 - share) * self.record.steps)
        if not isfinite(curve.at(start)):
            # A run of a few steps ends before the loss of the fixed examples is measured.
            curve = running_median(batch_objective(self.record, "0").finite())
        middle = curve.at(start)
        return max(0.0, 1 - curve.last / middle) if len(curve) and middle > 0 else 0.0

    @cache_result
    def is_stuck(self, key: str = "0", share: float = STUCK) -> bool:
        """Return whether the final cost is at least `share` of the constant cost or, if unknown, of the first cost."""
        if self.diverged(key):
            return True
        if isfinite(left := self.remaining_gap_of_task_metric):
            return not left < share
        if has_opponents(self.record):
            return first_exploded_step(self.record, key) is not None
        curve = cost_curve(self.record)
        if not self.has_reference_cost:
            running = running_median(batch_objective(self.record, key))
            return bool(len(running)) and not running.last < share * running.first
        reference = self.constant_cost or curve.first
        return not curve.last < share * reference

    @cache_result
    def is_falling(self, key: str = "0") -> bool:
        """Return whether the mean loss of the last third of the run is significantly below that of the first third."""
        values = batch_objective(self.record, key).finite().values
        first, last = values[: len(values) // 3], values[-(len(values) // 3) :]
        if len(first) < 2:
            return False
        error = sqrt((variance(first) + variance(last)) / len(first))
        return fmean(first) - fmean(last) > STANDARD_ERRORS * error

    @property
    @cache_result
    def rebounds(self) -> bool:
        """Whether the cost rose to more than twice its lowest earlier value, and to a relevant size."""
        if has_opponents(self.record):
            return False
        curve = cost_curve(self.record).finite()
        least, worth = float("inf"), LEFT_TO_LEARN * (self.constant_cost or curve.first)
        for _, value in curve:
            if value > worth and value > REBOUND * least:
                return True
            least = min(least, value)
        return False

    # The following conclusions use both the loss and the logged metrics.

    @cache_result
    def fails(self, key: str = "0") -> bool:
        """Return whether the run is known to fail; suspected problems are reported only for such a run.

        It fails if it diverged, lost what it had learned, rose, learned no more than a constant prediction, or left a
        metric unimproved.
        """
        if self.diverged(key) or self.rebounds:
            return True
        is_stuck = self.is_measured_by_loss and self.has_reference_cost and self.is_stuck(key)
        # If the targets are mostly noise, even a good loss is near a constant prediction's. A good metric then decides.
        if (self._loss_rose(key) or is_stuck) and not self.has_learned_by_metric:
            return True
        return self.has_unimproved_metric

    def _loss_rose(self, key: str) -> bool:
        """Return whether the loss rose. If it does not measure the task, it must also end above its first value."""
        curve = running_median(batch_objective(self.record, key))
        return self.first_rise(key) is not None and (self.is_measured_by_loss or not curve.last < curve.first)

    @cache_result
    def may_fail(self, key: str = "0") -> bool:
        """Return whether the run may have failed. If it certainly has not, no remedies are tried."""
        return self.fails(key) or not self.cost_left < LEFT_TO_LEARN or self.may_fail_beyond_training_loss

    @cache_result
    def may_have_learned_little(self, key: str = "0") -> bool:
        """Return whether the run ends with a high cost, or no loss or logged metric shows that it does not.

        This suffices for direct evidence of a mistake in the training loop that may still be intended.
        """
        if self.is_stuck(key, LITTLE_LEARNED):
            return True
        return not self.is_measured_by_loss and not self.remaining_metric_gap < LEFT_TO_LEARN

    @property
    @cache_result
    def may_fail_beyond_training_loss(self) -> bool:
        """Whether the network may perform badly although the training loss is low, such as on other data."""
        return not self.is_measured_by_loss or self.has_unimproved_metric or self.may_fail_on_other_data

    @property
    @cache_result
    def may_fail_on_other_data(self) -> bool:
        """Whether the main logged metric, unless it is known to use training data, may be far from its best value."""
        metric = self.metric
        if metric is None or metric.is_held_out is False:
            return False
        if metric.kind == "gain":
            return True  # A gain, such as a reward, has no known best value.
        curve = metric.cost_series(self.record)
        return curve.last > LEFT_TO_LEARN * (metric.whole if metric.kind == "share" else curve.first)


def summarise(record: Record) -> RunSummary:
    """Return the summary of a run from what its record contains so far."""
    return RunSummary(record)
