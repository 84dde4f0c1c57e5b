"""Is this one training, or several after each other?"""

import pytest

from descend.doctor.canon import CANON
from descend.doctor.course.stages import stages
from descend.doctor.record import Fact, Reading, Record, facts


def trained(*stages_of: dict) -> Record:
    """A record with an optimizer for each: its loss, whether it is made in a loop, the steps before it."""
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
        ({**SECOND, "again": True}, ["0"]),  # another fold, or a rate brought down by hand
        ({"after": {"0": 12}}, ["0"]),  # they take turns
        ({"after": {"0": 0}}, ["0"]),
        ({**SECOND, "losses": []}, ["0"]),  # it never steps
    ],
)
def test_a_later_optimizer_is_a_stage_where_it_steps_alone_and_is_made_elsewhere(second, expected):
    assert stages(trained({}, second)) == expected


def test_a_single_training_and_an_empty_record_have_one_stage():
    assert stages(trained({})) == stages(Record()) == ["0"]


def test_a_warm_start_is_told_from_the_stage_alone():
    """What the first stage began with is known from the whole run."""
    record = trained({"losses": [0.2] + [1.1] * 9})
    assert CANON["warm_start"].look(record) is None
    record.add(Fact.of(facts.Stage(optimizer=1, number=2, of=2, first_loss=2.3), 0))
    assert "starts at a loss of 0.2, where the first one began at 2.3" in CANON["warm_start"].look(record).sentence
