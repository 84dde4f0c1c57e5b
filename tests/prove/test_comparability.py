"""Runs that differ in the evaluation, the unit of the metric or the metric itself are not compared."""

from math import nan

import pytest

from descend.doctor.prove.comparability import (
    LEAKS,
    NO_MEASURE,
    ONLY_EVALUATION,
    OTHER_STAGES,
    changed_evaluation_message,
    changed_task_message,
)
from descend.doctor.prove.metric import ComparedMetric, choose_metric
from descend.doctor.record import Ending, Fact, Reading, Record, facts

NAME = "test accuracy"
ACCURACY = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)


def run_of(*values: float, weights: str = "w", steps: int = 4) -> Record:
    """Return a run that logs an accuracy, most recently at its end."""
    record = Record(run=1, seed=0)
    record.add(Fact.of(ACCURACY, 0, NAME))
    for step, value in enumerate(values, steps + 1 - len(values)):
        record.add(Reading("logged_metric", NAME, step, value))
    record.add(Ending("finished", 0, steps, weights=weights))
    return record


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True), (True, True), (False, False)])
def test_a_network_that_sees_its_targets_has_another_task(before, after):
    runs = [run_of(0.3, 0.6), run_of(0.3, 0.8)]
    for run, sees in zip(runs, (before, after)):
        run.add(Fact.of(facts.TargetLeak(sees, 8), 1))
    unchanged, changed = runs
    found = changed_task_message(changed, unchanged, unchanged, choose_metric(unchanged))
    assert found == ("" if before == after else LEAKS.format(*(("unchanged", "changed")[:: 1 if before else -1])))


def adversarial_run(weights: str) -> Record:
    """Return a run with two optimizers that work against each other, and without a metric."""
    record = Record(run=1, seed=0)
    record.add(Fact.of(facts.Opponents("1"), 2, "0"))
    for place in ("0", "1"):
        for step in range(4):
            record.add(Reading("loss", place, step, 1.0))
    record.add(Ending("finished", 0, 4, weights=weights))
    return record


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ((0.3, 0.6), (0.3, 0.8), ""),
        ((0.3, 0.6), (30.0, 80.0), "logs 'test accuracy' in percent"),
        ((30.0, 60.0), (30.0, 80.0), ""),
        ((30.0, 60.0), (0.3, 0.8), "logs 'test accuracy' as a share"),
        ((1.0, 60.0), (1.0, 0.5), ""),  # The unchanged script begins with 1 %.
        ((30.0, 60.0), (0.0, 0.0), ""),  # 0 % is 0 in both units.
        ((30.0, 60.0), (nan, nan), ""),
    ],
)
def test_a_metric_in_another_unit_cannot_be_compared(before, after, message):
    unchanged, changed = run_of(*before), run_of(*after)
    found = changed_task_message(changed, unchanged, unchanged, choose_metric(unchanged))
    assert message in found and bool(message) == bool(found)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (run_of(0.9), ONLY_EVALUATION),
        (run_of(0.6), ""),
        (run_of(0.9, weights="others"), ""),
        (run_of(0.9, steps=5), ""),
    ],
)
def test_another_metric_of_the_same_weights_shows_a_changed_evaluation(changed, message):
    unchanged = run_of(0.6)
    assert changed_evaluation_message(changed, unchanged, unchanged, choose_metric(unchanged)) == message


def test_other_running_means_explain_another_metric_of_the_same_weights():
    unchanged, changed = run_of(0.6), run_of(0.8)
    for run, digest in ((unchanged, "a"), (changed, "b")):
        run.add(Fact.of(facts.FinalState(digest), 4))
    assert changed_evaluation_message(changed, unchanged, unchanged, choose_metric(unchanged)) == ""


def test_the_loss_of_opposing_networks_shows_only_whether_a_change_has_an_effect():
    unchanged, metric = adversarial_run("w"), ComparedMetric("fixed", "the script's own loss", "")
    assert changed_task_message(adversarial_run("others"), unchanged, unchanged, metric) == NO_MEASURE
    assert changed_task_message(adversarial_run("w"), unchanged, unchanged, metric) == ""


def staged_run(*steps: int) -> Record:
    """Return a run without a metric whose optimizers take these numbers of steps, one after another."""
    record = Record(run=1, seed=0)
    for number, count in enumerate(steps):
        after = {str(earlier): steps[earlier] for earlier in range(number)}
        record.add(Fact.of(facts.Optimizer("SGD", 1, 4, after=after), 0, str(number)))
        for step in range(count):
            record.add(Reading("loss", str(number), step, 1.0))
    record.add(Ending("finished", 0, max(steps), weights="w"))
    return record


def test_the_loss_of_one_stage_does_not_compare_trainings_with_other_stages():
    metric = ComparedMetric("fixed", "the script's own loss", "")
    unchanged = staged_run(40)
    assert changed_task_message(staged_run(20, 20), unchanged, unchanged, metric) == OTHER_STAGES
    assert changed_task_message(staged_run(40), unchanged, unchanged, metric) == ""
