"""Schedules over the whole run, and what happens to the script's own one."""

import pytest
from training_scripts import CONSTANT, HEAD, LOADER, LOOP, MODEL, ONE_CYCLE, OVERWRITTEN, PLAIN, STEPS

from descend.core.errors import UsageError

SHAPES = {  # schedule -> learning rates of the first, middle and last step, divided by the largest one
    "linear": (1.0, 0.5, 1 / 12),
    "cosine": (1.0, 0.5, 0.017),
    "one-cycle": (0.04, 0.651, 0.0),
    "warm-up": (0.01, 1.0, 1.0),
}
PLATEAU = f"""{HEAD}{LOADER}{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
{LOOP}    scheduler.step(loss.item())
"""
STEP_LR = f"""{HEAD}{LOADER}{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
{LOOP}    scheduler.step()
"""


@pytest.mark.parametrize("name", SHAPES)
def test_the_learning_rate_has_the_shape_of_the_schedule(observe, name: str) -> None:
    p = observe(PLAIN)
    [_, choice] = p.choices(schedules=(name,))[0]
    rates = p.rerun(choice.edit(p.script, {"lr": 0.2})).series("learning_rate", "0")
    assert [rates.at(step) / 0.2 for step in (0, 6, STEPS - 1)] == pytest.approx(SHAPES[name], abs=0.005)


@pytest.mark.parametrize("text", [STEP_LR, ONE_CYCLE, OVERWRITTEN])
def test_the_own_schedule_is_removed_first(observe, text: str) -> None:
    p = observe(text)
    _, constant, linear = p.choices(schedules=("constant", "linear"))[0]
    assert constant.label.endswith(" a constant learning rate") and linear.label.endswith(" linear decay")
    for choice, last in ((constant, 0.05), (linear, 0.05 / 12)):
        rates = p.rerun(choice.edit(p.script, {"lr": 0.05})).series("learning_rate", "0")
        assert rates.first == pytest.approx(0.05) and rates.last == pytest.approx(last)


def test_a_schedule_that_cannot_be_removed_is_named(observe) -> None:
    reason = "the schedule in line 11 passes a metric to `step`, which a constant schedule does not accept"
    with pytest.raises(UsageError, match=f"SGD with cosine decay is left out: {reason}"):
        observe(PLATEAU).choices(schedules=("cosine",))


def test_constant_is_the_own_choice_without_a_schedule(observe) -> None:
    choices, messages = observe(CONSTANT).choices(schedules=("constant",))
    assert [choice.label for choice in choices] == ["SGD with momentum 0.9"] and messages == []
