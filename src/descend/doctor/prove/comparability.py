"""Check that the run of a changed script can be compared with that of the unchanged one: same task, same metric."""

from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.trials.candidate import METRIC_NOT_LOGGED, incomparable_message

# data that a change may alter: a metric on held-out data stays comparable as long as its targets are the same
REMADE: frozenset[Remade] = frozenset({"inputs", "targets"})
REMADE_ON_EXAMPLES: frozenset[Remade] = frozenset({"inputs"})  # if the loss on training examples is compared


def changed_task_message(changed: Record, unchanged: Record, baseline: Record, metric: ComparedMetric) -> str:
    """Return why the run of a changed script cannot be compared with that of the unchanged one; "" if it can.

    baseline: the observed run, which shows how the metric is read. A run that diverged can be compared: it is worse.
    """
    on_examples = metric.judged_on in ("fixed", "training")
    reason = incomparable_message(
        changed,
        unchanged,
        metric.judged_on,
        same_examples=on_examples and baseline.fact(facts.DiffersBetweenRuns) is None,
        remakes=REMADE_ON_EXAMPLES if on_examples else REMADE,
        metric_run=baseline,
    )
    if metric.logged is None or reason not in ("", METRIC_NOT_LOGGED):
        return reason
    return "" if len(changed.series("logged_metric", metric.name)) else _not_logged_message(changed, metric.name)


def _not_logged_message(changed: Record, name: str) -> str:
    """Return a message that a changed script does not log the metric, with the metrics that it does log."""
    logged = ", ".join(map(repr, changed.places("logged_metric")))
    return f"the changed script does not log {name!r}; it logs {logged or 'no metric'}"
