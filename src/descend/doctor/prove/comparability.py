"""Check that the run of a changed script can be compared with that of the unchanged one: same task, same metric."""

from math import isfinite

from descend.doctor.assess.logged_metric import PERCENT, LoggedMetric
from descend.doctor.assess.stages import stages
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.trials.candidate import METRIC_NOT_LOGGED, OPPOSING_OPTIMIZER, incomparable_message
from descend.doctor.trials.effect import is_same_run

NO_MEASURE = (
    "the loss depends on a second optimizer with its own loss, so it does not show which version is better; log a "
    "metric of the result"
)
OTHER_STAGES = (
    "the changed script trains in another number of stages, so the loss on examples of one stage does not show which "
    "version is better; log a metric of the result"
)
LEAKS = (
    "the network of the {} script sees the elements that it should predict, and that of the {} script does not, so "
    "their losses do not measure the same task"
)
ONLY_EVALUATION = "the trained weights are bit-for-bit identical, so it changes only how the metric is computed"

# data that a change may alter: a metric on held-out data stays comparable as long as its targets are the same
REMADE: frozenset[Remade] = frozenset({"inputs", "targets"})
REMADE_ON_EXAMPLES: frozenset[Remade] = frozenset({"inputs"})  # if the loss on training examples is compared


def changed_task_message(changed: Record, unchanged: Record, baseline: Record, metric: ComparedMetric) -> str:
    """Return why the run of a changed script cannot be compared with that of the unchanged one; "" if it can.

    baseline: the observed run, which shows how the metric is read. A run that diverged can be compared: it is worse.
    """
    if (leaky := _leaky_script(changed, unchanged)) is not None:
        return LEAKS.format(*leaky)
    on_examples = metric.judged_on in ("fixed", "training")
    reason = incomparable_message(
        changed,
        unchanged,
        metric.judged_on,
        same_examples=on_examples and baseline.fact(facts.DiffersBetweenRuns) is None,
        remakes=REMADE_ON_EXAMPLES if on_examples else REMADE,
        metric_run=baseline,
    )
    if reason == OPPOSING_OPTIMIZER:
        return "" if is_same_run(changed, unchanged) else NO_MEASURE
    if metric.logged is None:
        return reason or (OTHER_STAGES if len(stages(changed)) != len(stages(unchanged)) else "")
    if reason not in ("", METRIC_NOT_LOGGED):
        return reason
    if not len(changed.series("logged_metric", metric.name)):
        return _not_logged_message(changed, metric.name)
    return _other_unit_message(changed, baseline, metric.logged)


def _leaky_script(changed: Record, unchanged: Record) -> tuple[str, str] | None:
    """Return which script has a network that sees its targets, and which one has not; None if both are alike."""
    before, after = unchanged.fact(facts.TargetLeak), changed.fact(facts.TargetLeak)
    if before is None or after is None or before.sees == after.sees:
        return None
    return ("unchanged", "changed") if before.sees else ("changed", "unchanged")


def _other_unit_message(changed: Record, baseline: Record, metric: LoggedMetric) -> str:
    """Return a message that one script logs a share in percent and the other one does not; "" if the units agree.

    Small values in percent are possible if the unchanged script logs such values, too, or an untrained network has one.
    """
    if metric.kind != "share":
        return ""
    values, known = (
        [value for value in record.series("logged_metric", metric.name).values if isfinite(value)]
        for record in (changed, baseline)
    )
    largest, lowest = max(values, default=0.0), min([*known, metric.untrained])
    if metric.whole == 1 and largest > PERCENT:
        return f"the changed script logs {metric.name!r} in percent, and the unchanged one as a share"
    if metric.whole > 1 and 0 < largest <= PERCENT < lowest:
        return f"the changed script logs {metric.name!r} as a share, and the unchanged one in percent"
    return ""


def changed_evaluation_message(changed: Record, unchanged: Record, baseline: Record, metric: ComparedMetric) -> str:
    """Return a message if a change alters the metric but neither the trained weights nor other values of the models.

    Then it changes the evaluation, for example its data. Only for scripts whose runs are deterministic.
    """
    if changed.ending is None or unchanged.ending is None or changed.steps != unchanged.steps:
        return ""
    weights, expected = changed.ending.weights, unchanged.ending.weights
    states = [run.fact(facts.FinalState) for run in (changed, unchanged)]
    values = [repr(metric.value(run, baseline)) for run in (changed, unchanged)]
    is_same_model = weights and weights == expected and states[0] == states[1]
    return ONLY_EVALUATION if is_same_model and values[0] != values[1] else ""


def _not_logged_message(changed: Record, name: str) -> str:
    """Return a message that a changed script does not log the metric, with the metrics that it does log."""
    logged = ", ".join(map(repr, changed.places("logged_metric")))
    return f"the changed script does not log {name!r}; it logs {logged or 'no metric'}"
