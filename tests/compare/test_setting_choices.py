"""Settings that are searched over a range or take the values of a list."""

from dataclasses import replace

import pytest
from training_scripts import ARGPARSE, CONSTANT, DATACLASS, HEAD, LOADER, LOOP, MODEL, ONE_CYCLE, PLAIN, TRAINER

from descend.core.errors import UsageError
from descend.doctor.compare.choice import Dimension
from descend.doctor.compare.own_optimizer import learning_rate_limits
from descend.doctor.compare.requested import RequestedSetting as Setting

HIDDEN = f"""{HEAD}HIDDEN = 8
activation = "ReLU"
{LOADER}model = nn.Sequential(nn.Linear(4, HIDDEN), getattr(nn, activation)(), nn.Linear(HIDDEN, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
{LOOP}"""
GROUPS = (
    '[{"params": model[0].parameters(), "weight_decay": 0.1}, {"params": model[2].parameters(), "weight_decay": 0}]'
)
DECAYS = PLAIN.replace("SGD(model.parameters()", f"SGD({GROUPS}")
TWO_LOADERS = PLAIN.replace(LOADER, LOADER + "tests = DataLoader(TensorDataset(x, y), batch_size=64)\n")
CLIPPED = PLAIN.replace(
    "        optimizer.step", "        nn.utils.clip_grad_norm_(model.parameters(), 2.0)\n        optimizer.step"
)
SLICES = f"""{HEAD}{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for i in range(0, len(x), 16):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x[i : i + 16]), y[i : i + 16]).backward()
        optimizer.step()
"""


def test_the_range_of_learning_rates_has_two_decades_around_the_usual_and_one_around_the_own_rate() -> None:
    assert learning_rate_limits(1e-3) == pytest.approx((1e-5, 1e-1))
    assert learning_rate_limits(1e-3, 2e-5) == pytest.approx((2e-6, 1e-1))
    assert learning_rate_limits(1e-2, 0.5) == pytest.approx((1e-4, 5.0))


def test_a_range_of_learning_rates_replaces_the_usual_one(observe) -> None:
    own, other = observe(PLAIN).choices(
        optimizers=("AdamW",), settings=(Setting("learning_rate", limits=(1e-2, 1.0)),)
    )[0]
    assert own.dimensions == other.dimensions == (Dimension("lr", 1e-2, 1.0),)
    assert own.starts == ({"lr": 0.1}, {"lr": 0.01})
    assert other.starts == ({"lr": pytest.approx(0.1)},)  # The usual rate 0.001 is outside, so it is the middle.


def test_a_list_of_learning_rates_is_points_of_the_own_choice(observe) -> None:
    p = observe(CONSTANT)
    own, low, high = p.choices(settings=(Setting("lr", ("0.01", "0.1", "0.5")),))[0]
    assert [choice.label for choice in (low, high)] == [
        "SGD with momentum 0.9, lr 0.01",
        "SGD with momentum 0.9, lr 0.5",
    ]
    assert all(own.contains(choice, {}) and choice.keeps_optimizer and not choice.dimensions for choice in (low, high))
    assert "LR = 0.5\n" in high.edit(p.script, {}).read(p.script.path)


def test_whole_numbers_and_wide_ranges_are_recognised(observe) -> None:
    p = observe(HIDDEN)
    [choice] = p.choices(settings=(Setting("hidden", limits=(4.0, 64.0)), Setting("momentum", limits=(0.0, 0.9))))[0]
    assert choice.dimensions[1:] == (
        Dimension("hidden", 4.0, 64.0, is_log=True, is_integer=True),
        Dimension("momentum", 0.0, 0.9, is_log=False, is_integer=False),
    )
    assert choice.starts[0] == {"lr": 0.1, "hidden": 8.0, "momentum": 0.0}
    assert p.edited(choice) == p.script.read(p.script.path)
    assert "HIDDEN = 17\n" in p.edited(choice, hidden=16.7)


def test_a_list_of_words_is_one_choice_each(observe) -> None:
    p = observe(HIDDEN)
    own, tanh = p.choices(settings=(Setting("activation", ("ReLU", "Tanh")),))[0]
    assert own.label == "SGD" and tanh.label == "SGD, activation Tanh" and not tanh.keeps_optimizer
    assert own.family != tanh.family and 'activation = "Tanh"' in p.edited(tanh)
    with pytest.raises(UsageError, match='--set activation=1:2: its value is "ReLU", not a number'):
        p.choices(settings=(Setting("activation", limits=(1.0, 2.0)),))


def test_a_setting_with_the_name_of_an_argument_may_have_another_purpose(observe) -> None:
    p = observe(HIDDEN.replace("HIDDEN", "alpha"))
    choices, messages = p.choices(optimizers=("AdamW",), settings=(Setting("alpha", limits=(4.0, 64.0)),))
    assert [[d.name for d in choice.dimensions] for choice in choices] == [["lr", "alpha"]] * 2 and messages == []
    assert "alpha = 32\n" in p.edited(choices[1], alpha=32.0)


def test_a_value_of_another_type_is_a_usage_error(observe) -> None:
    with pytest.raises(UsageError, match="HIDDEN=large is not a number"):
        observe(HIDDEN).choices(settings=(Setting("HIDDEN", ("large", "16")),))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TWO_LOADERS, "loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)"),
        (SLICES, "for i in range(0, len(x), 32):"),
    ],
)
def test_the_training_batch_size_is_set_where_no_single_setting_has_this_name(observe, text: str, line: str) -> None:
    p = observe(text)
    choices, _ = p.choices(settings=(Setting("batch_size", ("16", "32", "8")),))
    assert [choice.label for choice in choices] == ["SGD", "SGD, batch_size 32", "SGD, batch_size 8"]
    assert line in p.edited(choices[1])
    assert ("batch_size=64" in p.edited(choices[1])) == (text is TWO_LOADERS)


def test_the_clipping_threshold_is_added_or_changed(observe) -> None:
    limits = (Setting("max_norm", limits=(0.1, 10.0)),)
    for text in (PLAIN, CLIPPED):
        p = observe(text)
        [choice] = p.choices(settings=limits)[0]
        assert "clip_grad_norm_(model.parameters(), 0.5)" in p.edited(choice, max_norm=0.5)
    own, *others = p.choices(clip=(2.0, 0.5, float("inf")))[0]
    assert [choice.label for choice in others] == ["SGD, gradient norm clipped at 0.5", "SGD, no clipping"]
    assert "clip_grad_norm_(model.parameters(), 1e30)" in p.edited(others[1])


@pytest.mark.parametrize("text", [ARGPARSE, DATACLASS, TRAINER, ONE_CYCLE])
def test_the_present_values_leave_the_script_as_it_is(observe, text: str) -> None:
    p = observe(text)
    decay = Setting("weight_decay", limits=(0.0, 0.1))
    [own] = p.choices(settings=(decay,))[0]
    assert p.edited(own) == text and own.contains(own, own.starts[0])
    assert p.edited(own, weight_decay=0.05) != text


def test_a_setting_that_cannot_be_edited_is_left_out_and_the_choice_stays(observe) -> None:
    p = observe(DECAYS)
    choices, messages = p.choices(settings=(Setting("weight_decay", limits=(0.0, 0.1)),))
    assert [choice.label for choice in choices] == ["SGD"]
    assert [dimension.name for dimension in choices[0].dimensions] == ["lr"]
    assert messages == ["weight_decay is not varied for SGD: the parameter groups have their own weight decays"]


def test_a_learning_rate_that_cannot_be_edited_is_named(observe) -> None:
    p = observe(PLAIN.replace("lr=0.1)", "**{key: 0.1 for key in ['lr']})"))
    choices, messages = p.choices()
    assert choices == []
    labels = "SGD with another learning rate, SGD with linear decay"
    assert messages[0].startswith(f"{labels} are left out: the learning rate is passed by `**{{key")


def test_schedules_of_a_shortened_run_are_announced(observe) -> None:
    p = observe(PLAIN)
    p.record.ending = replace(p.record.ending, reason="window")
    assert p.choices(schedules=("cosine",))[1] == [
        "the schedules last for the 12 steps that are compared, not for the whole script"
    ]
    assert p.choices(optimizers=("AdamW",))[1] == []


def test_a_schedule_that_cannot_be_inserted_is_not_announced(observe) -> None:
    p = observe(
        PLAIN.replace("optimizer = torch", "optimizers = [torch").replace(
            "lr=0.1)", "lr=0.1)]\noptimizer, = optimizers"
        )
    )
    p.record.ending = replace(p.record.ending, reason="window")
    with pytest.raises(UsageError, match="cosine decay is left out: line 10 does not assign the optimizer to a var"):
        p.choices(schedules=("cosine",))
    [message] = p.choices(schedules=("constant", "cosine"))[1]
    assert "cosine decay is left out" in message
