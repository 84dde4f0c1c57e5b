"""A training loop that draws no batch is a finding with its line."""

import pytest
from records import forget
from sick_first_steps import no_batch, unentered

from descend.doctor.canon import CANON
from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.record import Ending, Record, facts
from descend.doctor.symptoms import Symptom, causes


def found(record: Record) -> Symptom | None:
    return CANON["no_batch"].look(record)


@pytest.mark.parametrize(
    ("examples", "drop_last", "said"),
    [
        (20, True, "20 examples and batch_size=32, and drop_last=True drops the only batch, of 20 examples"),
        (1, True, "drops the only batch, of 1 example"),
        (0, False, "the DataLoader has 0 examples and batch_size=32: it yields no batch"),
    ],
)
def test_a_loader_without_a_batch_is_named_with_its_numbers_and_its_line(examples, drop_last, said):
    sign = found(no_batch(examples, drop_last))
    assert sign.certain and sign.where.line == 3 and said in sign.sentence
    assert ("smaller batch_size or drop_last=False" in sign.sentence) == bool(examples)


def test_a_loop_without_a_pass_is_named_with_its_header_and_its_line():
    sign = found(unentered("for start in range(0, 20 - 32, 32)"))
    assert sign.certain and sign.where.line == 12
    assert "the loop `for start in range(0, 20 - 32, 32)` is never entered, so backward() in line 15" in sign.sentence


@pytest.mark.parametrize("changed", [{"examples": 64}, {"drop_last": False}, {"passes": 5}, {"passes": 5, "steps": 5}])
def test_a_loader_that_yields_a_batch_and_a_run_that_went_backward_are_left_alone(changed):
    assert found(no_batch(**changed)) is None


@pytest.mark.parametrize("reason", ["window", "failed", "interrupted"])
def test_of_a_run_that_did_not_come_to_its_end_it_is_not_known(reason):
    record = no_batch()
    record.ending = Ending(reason, 1, 0)
    assert found(record) is None


def test_a_script_without_an_optimizer_is_no_training():
    record = no_batch()
    forget(record, facts.Optimizer)
    assert found(record) is None


def test_it_is_the_only_finding():
    for record in (no_batch(), unentered()):
        assert [symptom.id for symptom in causes(diagnose(record))] == ["no_batch"]
