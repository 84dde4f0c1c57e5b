"""Is this one training, or several after each other?"""

import pytest

from descend.record import Fact, Reading, Record, Site
from descend.symptoms import SYMPTOMS
from descend.symptoms.stages import stages


def trained(*stages_of: dict) -> Record:
    """A record with an optimizer for each stage: its loss, its line, and the steps that the others had taken."""
    record = Record()
    for key, given in enumerate(stages_of):
        losses = given.get("losses", [2.3, 1.0]) * 10
        detail = {"after": given.get("after", {}), "shares": given.get("shares", False)}
        record.add(Fact("optimizer", str(key), 0, detail))
        record.add(Site("optimizer", str(key), "train.py", given.get("line", 10)))
        for step, loss in enumerate(losses):
            record.add(Reading("loss", str(key), step, loss))
    return record


SECOND = {"after": {"0": 20}}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({**SECOND, "shares": True}, ["0", "1"]),  # the same weights go on
        ({**SECOND, "losses": [0.3, 0.2]}, ["0", "1"]),  # it begins with weights that know something
        ({**SECOND, "line": 20}, ["0", "1"]),  # a training of its own
        (SECOND, ["0"]),  # another fold
        ({"after": {"0": 12}, "shares": True}, ["0"]),  # they take turns
        ({"after": {"0": 0}, "shares": True}, ["0"]),
        ({**SECOND, "shares": True, "losses": [1.0] * 0}, ["0"]),  # it never steps
    ],
)
def test_a_later_optimizer_is_a_stage_where_it_goes_on_alone(second, expected):
    assert stages(trained({}, second)) == expected


def test_a_single_training_and_an_empty_record_have_one_stage():
    assert stages(trained({})) == stages(Record()) == ["0"]


def test_a_warm_start_is_told_from_the_stage_alone():
    """What the first stage began with is known from the whole run."""
    record = trained({"losses": [0.2] + [1.1] * 9})
    assert SYMPTOMS["warm_start"](record) is None
    record.add(Fact("stage", "", 0, {"number": 2, "of": 2, "first_loss": 2.3, "optimizer": 1}))
    assert "starts at a loss of 0.2, where the first one began at 2.3" in SYMPTOMS["warm_start"](record).sentence
