"""The compared metric is found by its name, in any notation."""

from math import inf, isnan

import pytest

from descend.core.errors import UsageError
from descend.doctor.prove.metric import ComparedMetric, choose_metric
from descend.doctor.record import Ending, Fact, Reading, Record, facts


def run_of(name: str) -> Record:
    """Return a run that logs an accuracy with this name."""
    record = Record(run=1, seed=0)
    record.add(Fact.of(facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True), 0, name))
    record.add(Reading("logged_metric", name, 4, 0.5))
    record.add(Ending("finished", 0, 4))
    return record


@pytest.mark.parametrize("logged", ["val_acc", "val acc"])
@pytest.mark.parametrize("named", ["val_acc", "val acc", "Val_Acc"])
def test_a_metric_is_found_with_and_without_underscores(logged, named):
    assert choose_metric(run_of(logged), named).name == logged


@pytest.mark.parametrize("logged", ["val_acc", "val acc"])
def test_a_similar_name_is_suggested_as_the_script_logs_it(logged):
    with pytest.raises(UsageError, match=f"did you mean '{logged}'"):
        choose_metric(run_of(logged), "val_ac")


@pytest.mark.parametrize("names", [("val acc", "test acc"), ("test acc", "val acc"), ("test_acc", "valid_acc")])
def test_settings_are_chosen_by_a_validation_metric_and_not_by_a_test_metric(names):
    record = run_of(names[0])
    for name in names:
        record.add(Fact.of(facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True), 0, name))
        record.add(Reading("logged_metric", name, 4, 0.5))
    assert choose_metric(record).name.startswith("val")
    assert choose_metric(record, names[0]).name == names[0]


LOSSES = [("held_out", "evaluation_loss", "0"), ("fixed", "metric", "squared_error"), ("training", "loss", "0")]


@pytest.mark.parametrize(("judged_on", "series", "place"), LOSSES)
def test_the_cost_until_a_step_is_the_final_cost_of_the_run_that_ends_there(judged_on, series, place):
    metric, short, long = ComparedMetric(judged_on, "loss", ""), Record(), Record()
    for step in range(1, 21):
        reading = Reading(series, place, step, 1.0 / step)
        long.add(reading)
        if step <= 12:
            short.add(reading)
    short.add(Ending("finished", 0, 12))
    assert metric.cost_until(long, long, 12) == metric.cost(short, long)
    assert isnan(metric.cost_until(long, long, 0)) and metric.series_name == series


def test_the_cost_of_a_logged_metric_until_a_step_is_that_of_its_last_value():
    record = run_of("val_acc")
    metric = choose_metric(record)
    record.add(Reading("logged_metric", "val_acc", 8, float("nan")))
    assert isnan(metric.cost_until(record, record, 3))
    assert [metric.cost_until(record, record, step) for step in (4, 7, 8)] == [0.5, 0.5, inf]
