"""The compared metric is found by its name, in any notation."""

import pytest

from descend.core.errors import UsageError
from descend.doctor.prove.metric import choose_metric
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
