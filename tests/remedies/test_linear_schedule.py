import pytest
import torch

from descend.doctor.record import Ending, Fact, facts
from descend.doctor.remedies.linear_schedule import linear_schedule

LINEAR = "torch.optim.lr_scheduler.LinearLR"
MADE = f"decay = {LINEAR}(optimizer, 1.0, 0.0, total_iters=6)"
HOOK = "optimizer.register_step_post_hook(lambda *_: decay.step())"
STYLES = {  # the added lines
    "plain": [MADE, "        decay.step()"],
    "crlf": [MADE, "        decay.step()"],
    "main": ["    " + MADE, "    " + HOOK],
    "trainer": ["        self." + MADE.replace("(optimizer", "(self.opt"), "        self.decay.step()"],
    "dict": ["    " + MADE.replace("(optimizer", "(optimiseur"), "            decay.step()"],
    "tabs": ["\t" + MADE, "\t\t\t\tdecay.step()"],
    "closure": [MADE, "    decay.step()"],
    "scaler": [MADE.replace("(optimizer", "(opt"), "    decay.step()"],
}


def test_every_style(styled, style: str) -> None:
    if style in STYLES:
        added = [
            line
            for line in styled.changes(linear_schedule, start=1.0, end=0.0, steps=6)
            if line.removeprefix("+") not in styled.text
        ]
        assert added == ["+" + line for line in STYLES[style]]
        return
    text = styled.edited(linear_schedule, start=1.0, end=0.0, steps=6)
    assert "opt.step(); decay.step()" in text or "optimizer.step(); decay.step()" in text
    assert (f"; {MADE}" if style == "one_line" else "\n" + MADE.replace("(optimizer", "(opt")) in text


@pytest.mark.slow
def test_the_learning_rate_falls_to_zero(styled, style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    monkeypatch.setattr("sys.argv", ["train.py"])
    exec(compile(styled.edited(linear_schedule, start=1.0, end=0.0, steps=2), style, "exec"), names)
    assert names["optimizer"].param_groups[0]["lr"] == 0


HEAD = "import torch\n"
AFTER = {
    "the gradients are cleared": (
        "o = SGD(p)\no.step()\no.zero_grad()\nlog()\n", "o.step()\no.zero_grad()\ndecay.step()\nlog()\n"
    ),
    "the gradients are cleared in the line": (
        "o = SGD(p)\no.step(); o.zero_grad()\n", "o.step(); o.zero_grad(); decay.step()\n"
    ),
    "a scaler": ("o = SGD(p)\nscaler.step(o)\nscaler.update()\n", "scaler.step(o)\ndecay.step()\nscaler.update()\n"),
    "a global": ("o = SGD(p)\ndef f():\n    o.step()\n", "def f():\n    o.step()\n    decay.step()\n"),
    "an object": (
        "class T:\n    def __init__(self):\n        self.o = SGD(p)\nt = T()\nfor e in r:\n    t.o.step()\n",
        "    t.o.step()\n    t.decay.step()\n",
    ),
    "a function that makes it": (
        "def make():\n    return SGD(p)\ndef main():\n    o = make()\n    for b in d:\n        o.step()\n",
        "    for b in d:\n        o.step()\n        decay.step()\n",
    ),
    "a trainer that gets it": (
        "class T:\n    def __init__(self, opt):\n        self.o = opt\n    def fit(self):\n"
        "        self.o.step()\nT(SGD(p)).fit()\n",
        "        self.o.step()\n        self.decay.step()\n",
    ),
    "a name in use": ("decay = 1\no = SGD(p)\no.step()\n", "o.step()\ndecay_2.step()\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", AFTER)
def test_the_schedule_is_stepped_after_the_optimizer(patient, case: str) -> None:
    text, after = AFTER[case]
    step = {"a scaler": "scaler.step(", "an object": "t.o.step(", "a trainer that gets it": "self.o.step("}.get(
        case, "o.step("
    )
    p = patient(HEAD + text, optimizer="SGD(", step=step)
    edited = p.edited(linear_schedule, start=1.0, end=0.0, steps=9)
    assert after in edited
    assert f"{LINEAR}({'self.o' if 'T' in text else 'o'}, 1.0, 0.0, total_iters=9)\n" in edited


@pytest.mark.parametrize(
    "text",
    [
        "def f(opt):\n    opt.step()\no = SGD(p)\nf(o)\n",
        "o = SGD(p)\ngo = lambda: o.step()\n",
        "o = SGD(p)\n[o.step() for b in d]\n",
        "o = SGD(p)\ntrainer.fit()\n",
    ],
)
def test_a_hook_steps_a_schedule_that_is_out_of_scope(patient, text: str) -> None:
    step = "trainer.fit(" if "fit" in text else "opt.step(" if "opt" in text else "o.step("
    if step == "opt.step(":
        text = text.replace("def f", "def f").replace("o = SGD(p)\nf(o)", "def main():\n    o = SGD(p)\n    f(o)")
    p = patient(HEAD + text, optimizer="SGD(", step=step)
    assert [line.strip("+ ") for line in p.changes(linear_schedule, start=1.0, end=0.0, steps=9)] == [
        f"decay = {LINEAR}(o, 1.0, 0.0, total_iters=9)",
        "o.register_step_post_hook(lambda *_: decay.step())",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f():\n    return SGD(p)\nf().step()\n", "line 3 does not assign the optimizer to a variable"),
        ("prepare(SGD(p))\n", "line 2 does not assign the optimizer to a variable"),
        ("trainer.fit(net)\n", "line 2 does not assign the optimizer to a variable"),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    call = "trainer.fit(" if "fit" in text else "SGD("
    assert patient(HEAD + text, optimizer=call).refusal(linear_schedule, start=1.0, end=0.0, steps=9) == reason


DATA = "data = DataLoader(d, 32)\n"
LENGTHS = {  # factors over 6 steps, which are two passes over three batches
    "a loop": ("for k in range(6):\n    o.step()\n", "6"),
    "passes over a loader": (DATA + "{o}for e in range(2):\n    for b in data:\n        o.step()\n", "2 * len(data)"),
    "a name and a bar": (
        DATA + "E = 2\n{o}for e in tqdm(range(E)):\n    for i, b in enumerate(tqdm(data)):\n        o.step()\n",
        "E * len(data)",
    ),
    "from one": (DATA + "{o}for e in range(1, 3):\n    for b in data:\n        o.step()\n", "2 * len(data)"),
    "a function": (
        DATA + "def train(opt, series):\n    for b in series:\n        opt.step()\n"
        "def main(epochs):\n    {o}    for e in range(epochs):\n        train(o, data)\nmain(2)\n",
        "epochs * len(data)",
    ),
    "slices": (
        "x = make()\n{o}for e in range(2):\n    for i in range(0, len(x), 32):\n        o.step(x[i : i + 32])\n",
        "2 * len(range(0, len(x), 32))",
    ),
    "an object": (
        "class T:\n    def __init__(self, n, data):\n        self.n, self.data = n, data\n        self.{o}"
        "    def fit(self):\n        for e in range(self.n):\n            self.once()\n"
        "    def once(self):\n        for b in self.data:\n            self.o.step()\nT(2, d).fit()\n",
        "self.n * len(self.data)",
    ),
    "steps that are left out": (
        DATA + "{o}for e in range(2):\n    for b in data:\n        if k(b):\n            continue\n        o.step()\n"
        "other = DataLoader(d[:96], 16)\n", "6"
    ),
    "more passes than were run": ("{o}for e in range(4):\n    for b in batches:\n        o.step()\n", "6"),
    "a loader that is made later": (
        "{o}" + DATA + "for e in range(2):\n    for b in data:\n        o.step()\n", "6"
    ),
    "drawn batches": ("{o}for e in range(2):\n    for b in torch.randperm(9).split(3):\n        o.step()\n", "6"),
}  # fmt: skip


@pytest.mark.parametrize("case", LENGTHS)
def test_a_decay_is_as_long_as_the_source_says(patient, case: str) -> None:
    text, length = LENGTHS[case]
    text = text if "{o}" in text else "{o}" + text
    step = "opt.step(" if "opt." in text else "self.o.step(" if "self" in text else "o.step("
    p = patient(HEAD + text.replace("{o}", "o = SGD(p)\n"), optimizer="SGD(", step=step)
    p.record.add(Ending("finished", 0, steps=6))
    examples = 96 if "left out" not in case else 160
    p.record.add(Fact.of(facts.Loader(True, 32, examples), 0, "0"))
    assert f", 1.0, 0.0, total_iters={length})" in p.edited(linear_schedule, start=1.0, end=0.0, steps=6)


def test_torch_is_imported(patient) -> None:
    p = patient("from torch.optim import SGD\no = SGD(p)\no.step()\n", optimizer="SGD(", step="o.step(")
    assert "+import torch" in p.changes(linear_schedule, start=1.0, end=0.0, steps=9)


@pytest.mark.parametrize("with_hook", [False, True])
def test_the_steps_shrink_in_a_straight_line(patient, with_hook: bool) -> None:
    step = "def go(opt):\n    opt.step()\n" if with_hook else "def go(opt):\n    o.step()\n"
    text = (
        HEAD + step + "w = torch.zeros(1, requires_grad=True)\no = torch.optim.SGD([w], lr=1.0)\nseen = [0.0]\n"
        "for i in range(6):\n    w.grad = torch.ones(1)\n    go(o)\n    seen.append(w.item())\n"
    )
    names: dict[str, list[float]] = {}
    p = patient(text, optimizer="torch.optim.SGD(", step="opt.step(" if with_hook else "o.step(")
    exec(p.edited(linear_schedule, start=1.0, end=0.0, steps=4), names)
    seen = torch.tensor(names["seen"])
    assert torch.allclose(seen.diff(), torch.tensor([-1, -0.75, -0.5, -0.25, 0, 0]))


def test_a_learning_rate_is_warmed_up(patient) -> None:
    text = (
        HEAD + "w = torch.zeros(1, requires_grad=True)\no = torch.optim.SGD([w], lr=1.0)\nseen = [0.0]\n"
        "for i in range(6):\n    w.grad = torch.ones(1)\n    o.step()\n    seen.append(w.item())\n"
    )
    names: dict[str, list[float]] = {}
    p = patient(text, optimizer="torch.optim.SGD(", step="o.step(")
    edited = p.edited(linear_schedule, start=0.25, end=1.0, steps=3)
    assert f"warmup = {LINEAR}(o, 0.25, 1.0, total_iters=3)" in edited
    exec(edited, names)
    assert torch.allclose(torch.tensor(names["seen"]).diff(), torch.tensor([-0.25, -0.5, -0.75, -1, -1, -1]))
