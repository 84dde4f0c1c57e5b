"""The metric by which the unchanged and the changed script are compared, chosen from the unchanged script's run."""

from dataclasses import dataclass
from difflib import get_close_matches

from descend.core.errors import UsageError
from descend.doctor.assess.logged_metric import LoggedMetric, logged_metrics
from descend.doctor.record import Record, Series
from descend.doctor.remedies import JudgedOn
from descend.doctor.trials.evaluation_metric import METRIC_SERIES, cost_curve, final_cost, last_cost, metric_name
from descend.doctor.trials.outcome import metric_description, quantity_name

# kinds of metrics in the order of preference, if the script logs no metric
OTHER_METRICS: tuple[JudgedOn, ...] = ("held_out", "fixed", "training")


@dataclass(frozen=True)
class ComparedMetric:
    """A metric of the task, and how its final value is read from a run and converted to a cost."""

    judged_on: JudgedOn
    name: str  # name for reports, such as "test accuracy"
    description: str  # how it is measured, such as "held-out loss on the script's own held-out data"
    logged: LoggedMetric | None = None  # the metric that the script logs; None for a loss that descend reads

    @property
    def cost_name(self) -> str:
        """The name of the cost, such as `1 − 'test accuracy'`. A lower cost is better."""
        return self.logged.cost_formula if self.logged else self.name

    def value(self, record: Record, baseline: Record) -> float:
        """Return the final value in the metric's own units; NaN if the run has none."""
        return self.logged.last_value(record) if self.logged else self.cost(record, baseline)

    def curve(self, record: Record, baseline: Record) -> Series:
        """Return the metric in its own units over the optimizer steps."""
        if self.logged is not None:
            return record.series(self.series_name, self.name)
        return cost_curve(record, self.judged_on, baseline)[1]

    def cost(self, record: Record, baseline: Record) -> float:
        """Return the final cost, which is lower for better runs; NaN if the run has none. baseline: observed run."""
        if self.logged is None:
            return final_cost(record, self.judged_on, baseline)
        return self.logged.cost(self.value(record, baseline)) if record.can_be_compared else float("nan")

    @property
    def series_name(self) -> str:
        """The name of the recorded values that the cost is computed from."""
        return METRIC_SERIES[self.judged_on]

    def cost_until(self, record: Record, baseline: Record, step: int) -> float:
        """Return the cost of a run from the values up to a step; NaN without a value. The run may not be over yet."""
        if self.logged is None:
            return last_cost(cost_curve(record, self.judged_on, baseline)[1].until(step + 1), self.judged_on)
        known = record.series(self.series_name, self.name).until(step + 1)
        return self.logged.cost(known.last) if len(known) else float("nan")


def choose_metric(baseline: Record, name: str | None = None) -> ComparedMetric:
    """Return the metric by which runs are compared: the metric `name`, or the most informative one of the script.

    Without a logged metric, it is the loss on held-out data, then that on fixed training examples. Raises `UsageError`
    if the script does not log the metric `name`, or if there is no metric at all.
    """
    logged = logged_metrics(baseline)
    if name is not None:
        return _logged_metric(_find_metric(name, logged, baseline))
    if logged:
        return _logged_metric(logged[0])
    for judged_on in OTHER_METRICS:
        if metric_name(baseline, judged_on):
            description = metric_description(baseline, judged_on)
            return ComparedMetric(judged_on, quantity_name(baseline, judged_on), description)
    raise UsageError(
        f"{baseline.script} logs no metric, and no loss of it could be recorded, so no runs can be compared"
    )


def _logged_metric(metric: LoggedMetric) -> ComparedMetric:
    """Return a metric that the script logs as a metric by which runs are compared."""
    return ComparedMetric("metric", metric.name, f"{metric.name!r}, as logged by the script", metric)


def _find_metric(name: str, logged: list[LoggedMetric], baseline: Record) -> LoggedMetric:
    """Return the logged metric with this name. Raises `UsageError` if there is no such metric."""
    wanted = _words_of(name)
    for metric in logged:
        if _words_of(metric.name) == wanted:
            return metric
    names = [metric.name for metric in logged]
    if wanted in map(_words_of, baseline.places("logged_metric")):
        known = f"; metrics that can be compared: {', '.join(map(repr, names))}" if names else ""
        raise UsageError(f"the script logs {name!r}, but it is not known whether larger values of it are better{known}")
    if not names:
        raise UsageError(f"the script logs no metric {name!r}: it prints no number with a name that descend can read")
    close = get_close_matches(wanted, map(_words_of, names), 1)
    similar = [found for found in names if [_words_of(found)] == close]
    hint = f"; did you mean {similar[0]!r}?" if similar else f"; it logs {', '.join(map(repr, names))}"
    raise UsageError(f"the script logs no metric {name!r}{hint}")


def _words_of(name: str) -> str:
    """Return the name of a metric in lower case, with single spaces between its words."""
    return " ".join(name.lower().replace("_", " ").split())
