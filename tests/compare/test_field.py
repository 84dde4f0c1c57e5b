"""The choices that are made for scripts as people write them, and runs of the edited scripts."""

import pytest
from training_scripts import SCRIPTS, STEPS

DEFAULT = {  # script -> the default field; the script's own optimizer comes first
    "plain": ["SGD", "SGD with momentum 0.9", "AdamW", "SGD with linear decay"],
    "constant": ["SGD with momentum 0.9", "AdamW", "SGD with momentum 0.9 and linear decay"],
    "argparse": ["AdamW", "SGD with momentum 0.9", "AdamW with linear decay"],
    "dataclass": ["SGD", "SGD with momentum 0.9", "AdamW", "SGD with linear decay"],
    "overwritten": ["SGD", "SGD with momentum 0.9", "AdamW"],
    "one_cycle": ["SGD with momentum 0.9", "AdamW"],
    "trainer": ["Adam", "SGD with momentum 0.9", "Adam with linear decay"],
}
PRESENT = {"constant": 0.1, "argparse": 0.001, "dataclass": 0.05, "overwritten": 0.1, "trainer": 0.001, "plain": 0.1}
# a line of the script in which its own learning rate is halved
HALVED = {
    "plain": "SGD(model.parameters(), lr=0.05)",
    "constant": "LR = 0.05",
    "argparse": 'add_argument("--lr", type=float, default=5e-4)',
    "dataclass": "    lr: float = 0.025",
    "overwritten": "max_lr = 0.05",
    "one_cycle": "max_lr=0.0994",
    "trainer": "Trainer(model, loader, lr=5e-4)",
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
@pytest.mark.parametrize("name", SCRIPTS)
def test_every_choice_of_the_default_field_trains_as_it_says(observe, name: str) -> None:
    p = observe(SCRIPTS[name])
    for choice in p.choices()[0]:
        lr = choice.starts[0]["lr"] / 2
        run = p.rerun(choice.edit(p.script, {"lr": lr}))
        assert run.steps == STEPS and run.series("learning_rate", "0").max == pytest.approx(lr, rel=0.01)
