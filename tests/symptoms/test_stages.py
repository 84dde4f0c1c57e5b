"""Whether a script has one training or several consecutive stages."""

import pytest

from descend.doctor.assess.stages import stages
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import Fact, Reading, Record, facts


def trained(*stages_of: dict) -> Record:
    """Return a record with optimizers: their losses, the steps before each, and whether a loop creates it."""
    record = Record()
    for key, given in enumerate(stages_of):
        losses = given.get("losses", [2.3, 1.0]) * 10
        made = facts.Optimizer("SGD", 1, 10, after=given.get("after", {}), again=given.get("again", False))
        record.add(Fact.of(made, 0, str(key)))
        for step, loss in enumerate(losses):
            record.add(Reading("loss", str(key), step, loss))
    return record


SECOND = {"after": {"0": 20}}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (SECOND, ["0", "1"]),
        ({**SECOND, "again": True}, ["0"]),  # A loop creates the optimizer, for another fold or a lower learning rate.
        ({"after": {"0": 12}}, ["0"]),  # The two optimizers alternate.
        ({"after": {"0": 0}}, ["0"]),
        ({**SECOND, "losses": []}, ["0"]),  # The second optimizer never takes a step.
    ],
)
def test_a_later_optimizer_is_a_stage_if_it_steps_alone_and_is_not_created_in_a_loop(second, expected):
    assert stages(trained({}, second)) == expected


def test_a_single_training_and_an_empty_record_have_one_stage():
    assert stages(trained({})) == stages(Record()) == ["0"]


def test_a_warm_start_is_detected_from_its_stage_alone():
    """The initial loss of the first stage is known from the whole run."""
    record = trained({"losses": [0.2] + [1.1] * 9})
    assert detect("warm_start", record) is None
    record.add(Fact.of(facts.Stage(optimizer=1, number=2, of=2, first_loss=2.3), 0))
    assert "starts at a loss of 0.2, while the first stage began at 2.3" in detect("warm_start", record).sentence
