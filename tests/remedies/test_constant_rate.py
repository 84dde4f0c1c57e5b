import re

import pytest

from descend.doctor.remedies.constant_rate import constant_rate

HEAD = "import torch\nfrom torch import optim\nfrom torch.optim import lr_scheduler\n"
CALLS = [
    ("optim.lr_scheduler.StepLR(o, 30, gamma=0.1)", "optim.lr_scheduler.ConstantLR(o, factor=1.0)"),
    ("lr_scheduler.ExponentialLR(o, 0.5)", "lr_scheduler.ConstantLR(o, factor=1.0)"),
    ("lr_scheduler.LambdaLR(o, lr_lambda=lambda e: 0.5**e)", "lr_scheduler.ConstantLR(o, factor=1.0)"),
    ("lr_scheduler.StepLR(step_size=2, optimizer=o)", "lr_scheduler.ConstantLR(optimizer=o, factor=1.0)"),
    ("CosineAnnealingLR(self.opt, 5)", "torch.optim.lr_scheduler.ConstantLR(self.opt, factor=1.0)"),
    (
        "lr_scheduler.OneCycleLR(\n    o,\n    max_lr=1,\n    total_steps=9,\n)",
        "lr_scheduler.ConstantLR(\n    o,\n    factor=1.0,\n)",
    ),
]


@pytest.mark.parametrize(("before", "after"), CALLS)
def test_a_schedule_that_is_read_becomes_constant(patient, before: str, after: str) -> None:
    p = patient(
        HEAD + f"s = {before}\ns.step()\nprint(s.get_last_lr())\n",
        scheduler=before.split("(")[0] + "(",
        scheduler_step="s.step(",
    )
    assert p.edited(constant_rate) == HEAD + f"s = {after}\ns.step()\nprint(s.get_last_lr())\n"


MADE = "<s = lr_scheduler.StepLR(o, 3)\n>"
GONE = {  # the marked text is removed with the schedule
    "after each epoch": MADE + "for e in r:\n    o.step()\n<    s.step()\n>",
    "twice": MADE + "if a:\n    o.step()\n<    s.step()\n>else:\n    o.step()\n<    s.step()\n>",
    "in a condition of its own": MADE + "for e in r:\n    o.step()\n<    if e % 2:\n        s.step()\n>",
    "an attribute": "class T:\n    def __init__(self):\n        self.o = o\n"
    "<        self.s = lr_scheduler.StepLR(o, 3)\n>"
    "    def epoch(self):\n        self.o.step()\n<        self.s.step()\n>",
}


@pytest.mark.parametrize("case", GONE)
def test_a_schedule_that_is_only_stepped_is_removed(patient, case: str) -> None:
    text = GONE[case]
    p = patient(HEAD + re.sub("[<>]", "", text), scheduler="lr_scheduler.S")
    assert p.edited(constant_rate) == HEAD + re.sub("<.*?>", "", text, flags=re.DOTALL)


def test_the_import_of_the_scheduler_is_respected(patient) -> None:
    p = patient("from torch.optim.lr_scheduler import StepLR\ns = StepLR(o, 3)\n", scheduler="StepLR(")
    assert p.edited(constant_rate) == (
        "from torch.optim.lr_scheduler import ConstantLR\ns = ConstantLR(o, factor=1.0)\n"
    )


@pytest.mark.parametrize(
    ("text", "calls", "reason"),
    [
        (
            "s = lr_scheduler.ReduceLROnPlateau(o)\n",
            {"scheduler": "lr_scheduler.R"},
            "the schedule in line 4 passes a metric to `step`",
        ),
        (
            "s = lr_scheduler.StepLR(o, 3)\ns.step(epoch)\n",
            {"scheduler": "lr_scheduler.S", "scheduler_step": "s.step("},
            "line 5 passes an argument to the scheduler's step",
        ),
        (
            "w = lr_scheduler.LinearLR(o)\ns = lr_scheduler.SequentialLR(o, [w], [])\n",
            {"scheduler__0": "lr_scheduler.L", "scheduler__1": "lr_scheduler.S"},
            "line 5 combines several schedulers into one",
        ),
        ("s = warmup(o, 30)\n", {"scheduler": "warmup("}, "the LambdaLR only indirectly"),
        ("s = StepLR(**k)\n", {"scheduler": "StepLR("}, "line 4 does not name the scheduler's optimizer"),
        ("x = 1\n", {}, "and no statement sets the learning rate by hand"),
    ],
)
def test_refusals_say_why(patient, text: str, calls: dict[str, str], reason: str) -> None:
    p = patient(HEAD + text, made={"scheduler": "LambdaLR"} if "warmup" in text else None, **calls)
    assert reason in p.refusal(constant_rate)


BY_HAND = [
    "for g in o.param_groups:\n    g['lr'] = 0.1\n",
    'for g in o.param_groups:\n    g["lr"] *= 0.9\n',
    "[g.update(lr=g['lr'] * 0.8) for g in o.param_groups]\n",
    "o.param_groups[0]['lr'] = rate = 0.1\n",
]


@pytest.mark.parametrize("text", BY_HAND)
def test_statements_that_set_the_learning_rate_are_removed(patient, text: str) -> None:
    assert patient(HEAD + text + "o.step()\nprint(o.param_groups[0]['lr'])\n").edited(constant_rate) == (
        HEAD + "o.step()\nprint(o.param_groups[0]['lr'])\n"
    )


def test_the_learning_rate_stays_constant(patient) -> None:
    text = (
        "import torch\no = torch.optim.SGD([torch.zeros(1)], lr=0.3)\n"
        "s = torch.optim.lr_scheduler.ExponentialLR(o, 0.1)\nrates = []\n"
        "for i in range(8):\n    o.step()\n    s.step()\n    rates.append(o.param_groups[0]['lr'])\n"
    )
    names: dict[str, list[float]] = {}
    exec(patient(text, scheduler="torch.optim.lr_scheduler.E", scheduler_step="s.step(").edited(constant_rate), names)
    assert names["rates"] == [0.3] * 8


def test_a_function_used_only_by_the_schedule_is_removed(patient) -> None:
    text = (
        "def fading(t):\n    return 0.9**t\n\n\nscheduler = LambdaLR(optimizer, fading)\n\n"
        "for x in data:\n    optimizer.step()\n    scheduler.step()\n"
    )
    p = patient(text, scheduler="LambdaLR(")
    assert p.edited(constant_rate) == "for x in data:\n    optimizer.step()\n"
    kept = patient(text + "print(fading(1))\n", scheduler="LambdaLR(").edited(constant_rate)
    assert "def fading" in kept and "LambdaLR" not in kept
