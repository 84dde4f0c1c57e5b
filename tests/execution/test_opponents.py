"""Optimizers that alternate are opponents if each changes the other's loss."""

import pytest

from descend.doctor.assess.opponents import has_opponents
from descend.doctor.assess.stages import consecutive_optimizers, unobserved_steps
from descend.doctor.record import facts
from descend.doctor.report.partial_runs import observed_step_count, observed_steps_message

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("role", "arguments"),
    [
        ("watch", ("gan.py", "detached")),
        ("baseline", ("gan.py", "detached")),
        ("baseline", ("gan.py", "shared")),
        # only the tape shows the parameters of a loss, and a watched run seldom has one
        ("baseline", ("toggled_gan.py",)),
        ("trial_run", ("toggled_gan.py",)),
    ],
)
def test_the_two_optimizers_of_a_gan_are_opponents(stage, role, arguments):
    record = stage.observed(role, *arguments).record
    assert record.every(facts.Opponents) == {"0": facts.Opponents("1"), "1": facts.Opponents("0")}
    assert not consecutive_optimizers(record)


@pytest.mark.parametrize("name", ["two_optimizers.py", "in_turn.py", "one_by_one.py", "plain.py"])
def test_optimizers_of_one_loss_or_of_successive_stages_are_not_opponents(stage, name):
    assert not has_opponents(stage.observed("baseline", name).record)


def test_the_order_of_steps_separates_stages(stage):
    record = stage.observed("baseline", "one_by_one.py").record
    assert consecutive_optimizers(record) == {"0": 24, "1": 24} and unobserved_steps(record) == 24
    text = "48 steps, of which 24 were counted but not observed,"
    assert observed_step_count(record) == 24 and observed_steps_message(record) == text
    assert not unobserved_steps(stage.observed("baseline", "in_turn.py").record)  # Each is a separate stage.
