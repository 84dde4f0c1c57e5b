"""A training loop without a batch is reported with its line."""

import pytest
from records import forget
from sick_first_steps import no_batch, unentered

from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.catalog.diagnosis import detect, diagnose
from descend.doctor.record import Ending, Record, facts


def found(record: Record) -> Symptom | None:
    return detect("no_batch", record)


@pytest.mark.parametrize(
    ("examples", "drop_last", "said"),
    [
        (20, True, "20 examples and batch_size=32, and drop_last=True drops the only batch, of 20 examples"),
        (1, True, "drops the only batch, of 1 example"),
        (0, False, "the DataLoader has 0 examples and batch_size=32: it returns no batch"),
    ],
)
def test_a_loader_without_a_batch_is_reported_with_its_sizes_and_line(examples, drop_last, said):
    sign = found(no_batch(examples, drop_last))
    assert sign.certain and sign.where.line == 3 and said in sign.sentence
    assert ("smaller batch_size or drop_last=False" in sign.sentence) == bool(examples)


def test_a_loop_that_is_never_entered_is_reported_with_its_header_and_line():
    sign = found(unentered("for start in range(0, 20 - 32, 32)"))
    assert sign.certain and sign.where.line == 12
    assert "the loop `for start in range(0, 20 - 32, 32)` is never entered, so backward() in line 15" in sign.sentence


@pytest.mark.parametrize("changed", [{"examples": 64}, {"drop_last": False}, {"passes": 5}, {"passes": 5, "steps": 5}])
def test_a_loader_with_a_batch_and_a_run_with_a_backward_pass_are_not_reported(changed):
    assert found(no_batch(**changed)) is None


@pytest.mark.parametrize("reason", ["window", "failed", "interrupted"])
def test_a_run_that_was_cut_off_is_not_reported(reason):
    record = no_batch()
    record.ending = Ending(reason, 1, 0)
    assert found(record) is None


def test_a_script_without_an_optimizer_is_not_reported():
    record = no_batch()
    forget(record, facts.Optimizer)
    assert found(record) is None


def test_a_missing_batch_is_the_only_finding():
    for record in (no_batch(), unentered()):
        assert [symptom.id for symptom in unexplained_symptoms(diagnose(record))] == ["no_batch"]
