"""It is known which optimizers step in turn, each on a loss that the other's steps move."""

import pytest

from descend.doctor.course.opponents import has_opponents
from descend.doctor.course.stages import one_by_one, unseen_steps
from descend.doctor.record import facts
from descend.doctor.report.in_part import steps_seen, steps_watched

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        ("watch", ("gan.py", "detached")),
        ("baseline", ("gan.py", "detached")),
        ("baseline", ("gan.py", "shared")),
        ("baseline", ("toggled_gan.py",)),  # what a loss is made with is on the tape, which a watched run seldom has
        ("trial_run", ("toggled_gan.py",)),
    ],
)
def test_a_gans_two_are_opponents(stage, role, arguments):
    record = stage.observed(role, *arguments).record
    assert record.every(facts.Opponents) == {"0": facts.Opponents("1"), "1": facts.Opponents("0")}
    assert not one_by_one(record)


@pytest.mark.parametrize("name", ["two_optimizers.py", "in_turn.py", "one_by_one.py", "plain.py"])
def test_those_of_one_loss_are_none_and_neither_are_those_that_step_one_after_the_other(stage, name):
    assert not has_opponents(stage.observed("baseline", name).record)


def test_when_the_steps_are_taken_tells_what_comes_after_what(stage):
    record = stage.observed("baseline", "one_by_one.py").record
    assert one_by_one(record) == {"0": 24, "1": 24} and unseen_steps(record) == 24
    assert steps_seen(record) == 24 and steps_watched(record) == "48 steps, 24 of them counted only,"
    assert not unseen_steps(stage.observed("baseline", "in_turn.py").record)  # each is a stage of its own
