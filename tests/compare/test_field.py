"""The choices that are made for scripts as people write them, and runs of the edited scripts."""

import json

import pytest
from sampling import sampled
from training_scripts import BY_HAND, CONSTANT, DATACLASS, GROUPS, PLAIN, SCRIPTS, STEPS, TWO

from descend.core.errors import UsageError
from descend.doctor.compare.requested import RequestedSetting

DEFAULT = {  # script -> the default field; the script's own optimizer comes first
    "plain": ["SGD", "SGD with momentum 0.9", "AdamW", "SGD with linear decay"],
    "constant": ["SGD with momentum 0.9", "AdamW", "SGD with momentum 0.9 and linear decay"],
    "argparse": ["AdamW", "SGD with momentum 0.9", "AdamW with linear decay"],
    "dataclass": ["SGD", "SGD with momentum 0.9", "AdamW", "SGD with linear decay"],
    "overwritten": ["SGD", "SGD with momentum 0.9", "AdamW"],
    "one_cycle": ["SGD with momentum 0.9", "AdamW"],
    "trainer": ["Adam", "SGD with momentum 0.9", "Adam with linear decay"],
    "groups": ["SGD", "SGD with momentum 0.9", "AdamW", "SGD with linear decay"],
}
PRESENT = {
    "constant": 0.1,
    "argparse": 0.001,
    "dataclass": 0.05,
    "overwritten": 0.1,
    "trainer": 0.001,
    "plain": 0.1,
    "groups": 0.01,
}
# a line of the script in which its own learning rate is halved
HALVED = {
    "plain": "SGD(model.parameters(), lr=0.05)",
    "constant": "LR = 0.05",
    "argparse": 'add_argument("--lr", type=float, default=5e-4)',
    "dataclass": "    lr: float = 0.025",
    "overwritten": "max_lr = 0.05",
    "one_cycle": "max_lr=0.0994",
    "trainer": "Trainer(model, loader, lr=5e-4)",
    "groups": '"lr": 0.005}, {"params": model[2].parameters(), "lr": 0.5 * HEAD_LR}], lr=0.05',
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_default_field(observe, name: str) -> None:
    p = observe(SCRIPTS[name])
    choices, messages = p.choices()
    assert [choice.label for choice in choices] == DEFAULT[name] and messages == []
    own, *others = choices
    assert own.keeps_optimizer and not any(other.keeps_optimizer for other in others)
    assert own.starts[0]["lr"] == pytest.approx(PRESENT.get(name, 0.2), rel=0.01)
    assert p.edited(own) == p.script.read(p.script.path)  # the present setting
    assert HALVED[name] in p.edited(own, lr=own.starts[0]["lr"] / 2)
    assert own.contains(own, own.starts[0]) and not any(own.contains(other, other.starts[0]) for other in others)


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(SCRIPTS, "plain", "overwritten"))
def test_every_choice_of_the_default_field_trains_as_it_says(observe, name: str) -> None:
    p = observe(SCRIPTS[name])
    for choice in p.choices()[0]:
        lr = choice.starts[0]["lr"] / 2
        run = p.rerun(choice.edit(p.script, {"lr": lr}))
        assert run.steps == STEPS and run.series("learning_rate", "0").max == pytest.approx(lr, rel=0.01)


def test_groups_keep_their_ratios_with_another_optimizer(observe) -> None:
    p = observe(GROUPS)
    adamw = next(choice for choice in p.choices()[0] if choice.label == "AdamW")
    assert '"lr": 0.001}, {"params": model[2].parameters(), "lr": 0.1 * HEAD_LR}], lr=0.01' in p.edited(adamw)


def test_a_script_without_an_optimizer_object_has_one_choice(observe) -> None:
    choices, messages = observe(BY_HAND).choices()
    assert [choice.label for choice in choices] == ["SGD"] and choices[0].keeps_optimizer
    reason = "there is no optimizer: the script updates its parameters by hand"
    assert messages == [f"SGD with momentum 0.9, AdamW, SGD with linear decay are left out: {reason}"]


def test_a_question_none_of_whose_choices_can_be_made_is_refused(observe) -> None:
    with pytest.raises(UsageError, match="none of the requested choices .* AdamW, Lion are left out: there is no opti"):
        observe(BY_HAND).choices(optimizers=("AdamW", "Lion"))
    choices, messages = observe(BY_HAND).choices(optimizers=("SGD", "Lion"))
    assert [choice.label for choice in choices] == ["SGD"] and "Lion is left out" in messages[0]


def test_only_the_largest_optimizer_is_varied(observe) -> None:
    p = observe(TWO)
    choices, messages = p.choices()
    assert messages == ["the script has 2 optimizers; only the SGD of line 11, the largest one, is varied"]
    assert all("other = torch.optim.Adam([scale], lr=0.01)" in p.edited(choice) for choice in choices)


def test_lists_are_combined(observe) -> None:
    p = observe(DATACLASS)
    sizes = RequestedSetting("batch_size", ("16", "32"))
    choices, messages = p.choices(optimizers=("AdamW", "Lion"), settings=(sizes,), schedules=("cosine",))
    added = [f"{rule} with cosine decay, batch_size {size}" for rule in ("AdamW", "Lion") for size in ("16", "32")]
    assert [choice.label for choice in choices] == ["SGD", *added] and messages == []
    assert "batch_size: int = 32" in p.edited(choices[-1]) and "batch_size: int = 16" in p.edited(choices[-2])
    assert [choice.needs for choice in choices] == ["", "", "", "descend.optim", "descend.optim"]


def test_the_present_value_of_a_list_is_the_own_choice(observe) -> None:
    choices, _ = observe(DATACLASS).choices(settings=(RequestedSetting("batch_size", ("8", "16")),))
    assert [choice.label for choice in choices] == ["SGD", "SGD, batch_size 8"]
    assert [choice.keeps_optimizer for choice in choices] == [True, False]
    assert not choices[0].contains(choices[1], choices[1].starts[0])


def test_too_many_choices_are_refused(observe) -> None:
    sizes = RequestedSetting("batch_size", tuple(map(str, range(1, 26))))
    with pytest.raises(UsageError, match="the lists make 25 choices, and at most 24 can be compared: shorten a list"):
        observe(PLAIN).choices(settings=(sizes,))


def test_an_unknown_setting_is_a_usage_error(observe) -> None:
    with pytest.raises(UsageError, match="train.py has no setting momentun"):
        observe(PLAIN).choices(settings=(RequestedSetting("momentun", limits=(0.1, 0.9)),))


def test_a_range_test_alone_keeps_the_default_field(observe) -> None:
    assert [choice.label for choice in observe(PLAIN).choices(find_lr=True)[0]] == DEFAULT["plain"]


def test_clipping_and_initialisers_are_further_choices(observe) -> None:
    p = observe(PLAIN)
    choices, _ = p.choices(clip=(0.5, float("inf")), initialisers=("He",))
    clipped = "SGD, He initialisation, gradient norm clipped at 0.5"
    assert [choice.label for choice in choices] == ["SGD", clipped, "SGD, He initialisation"]
    assert "clip_grad_norm_(model.parameters(), 0.5)" in p.edited(choices[1])
    assert all("kaiming_normal_" in p.edited(choice) for choice in choices[1:])


def test_a_notebook_is_edited(observe) -> None:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": CONSTANT}]
    p = observe(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), name="train.ipynb")
    choices, messages = p.choices()
    assert [choice.label for choice in choices] == DEFAULT["constant"] and messages == []
    assert p.rerun(choices[1].edit(p.script, {"lr": 0.002})).series("learning_rate", "0").max == 0.002
