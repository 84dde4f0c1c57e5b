"""The arrays whose rows are the model's inputs are scaled, unless they have other uses."""

from dataclasses import replace

import pytest
import torch
from record_facts import INPUTS

from descend.doctor.record import Fact
from descend.doctor.remedies.standardise_data import standardise_data

NET = "net = Net()\n"
ONE = "{x} = ({x} - {x}.mean(0)) / {x}.std(0)\n"
PAIR = "mean, std = a.mean(0), a.std(0)\na, b = (a - mean) / std, (b - mean) / std\n"
OWN = """import torch


class Own(Dataset):
    def __init__(self, x, y):
        self.x, self.y = torch.tensor(x), y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]
"""
USED = "loader = DataLoader(Own(x, y))\n" + NET + "for b, t in loader:\n    net(b)\n"
SCORE = "\n\ndef score(net, x, y):\n    return (net(x) == y).sum()\n"
CALLED = "\n\nmain()\n"
SCALED = {  # the lines above the new ones, the new lines, and the following line
    "rows picked by an index": ("x = load()\n", ONE, NET + "for i in r:\n    f(net(x[i]), y[i])\nnet(x)\n"),
    "rows one after another": (
        "x = load()\n",
        ONE,
        NET + "for i in range(0, len(x), 8):\n    b = x[i:i + 8]\n    net(b)\n",
    ),
    "two parts of one array": ("a, b = x[:90], x[90:]\n", PAIR, NET + "for i in r:\n    net(a[i])\nnet(b)\n"),
    "a function that trains": (
        "def go(net, x):\n    for e in r:\n        net(x)\n\n\nx, y = load()\n",
        ONE,
        NET + "go(net, x)\n",
    ),
    "a loader": (
        "x = load()\n",
        ONE,
        "loader = DataLoader(TensorDataset(x, y), batch_size=8)\n" + NET + "for b, t in loader:\n    net(b)\n",
    ),
    "a loader of a part": (
        "x = load()\n",
        ONE,
        "data = TensorDataset(torch.tensor(x), y)\nfirst, rest = random_split(data, [8, 2])\n"
        "loader = DataLoader(first)\ntests = DataLoader(dataset=rest)\n"
        + NET
        + "for b, t in loader:\n    net(b)\nfor b, t in tests:\n    net(b)\n",
    ),
    "data sets of its own": (
        OWN + "\n\ndef main():\n    a, y = load()\n    b, z = load()\n",
        PAIR,
        "    loader = DataLoader(Own(a, y))\n    "
        + NET
        + "    for e in r:\n        for x, t in loader:\n            net(x)\n    net(torch.from_numpy(b))\n"
        + CALLED,
    ),
    "a function that tests on several": (
        "def main():\n    a, b, y, z = load()\n",
        PAIR,
        "    "
        + NET
        + "    for i in r:\n        net(a[i])\n    score(net, a, y)\n    score(net, b[:9], z)\n"
        + SCORE
        + CALLED,
    ),
    "a data set of its own, on the first level": (OWN + "\nx = load()\n", ONE, USED),
    "made of itself": (
        "x = load()\nx = torch.tensor(x)\n",
        ONE,
        "print(x.shape)\n" + NET + "for e in r:\n    net(x)\n",
    ),
}
LEFT = {  # the script, and a part of the reason
    "the target, too": (
        "x = load()\n" + NET + "for i in r:\n    b = x[i]\n    f(net(b), b)\n",
        "uses `x` for another purpose",
    ),
    "printed": ("x = load()\nprint(x)\n" + NET + "for e in r:\n    net(x)\n", "uses `x` for another purpose"),
    "made on a condition": (
        "if c:\n    x = load()\n" + NET + "for e in r:\n    net(x)\n",
        "is not assigned before training, or only in a loop",
    ),
    "made in the loop": (NET + "for e in r:\n    x = load()\n    net(x)\n", "computes the inputs"),
    "an expression": (NET + "for e in r:\n    net(torch.cat(parts))\n", "computes the inputs"),
    "a data set of another file": (
        "x = load()\nloader = DataLoader(Own(x))\n" + NET + "for b in loader:\n    net(b)\n",
        "does not pass rows of a named array",
    ),
    "a data set that makes something of it": (
        OWN.replace("self.x[i],", "self.x[i] / 9,") + "\nx = load()\n" + USED,
        "does not pass rows of a named array",
    ),
    "a data set that asks for more of it": (
        OWN.replace("len(self.x)", "len(self.x) + int(self.x.max())") + "\nx = load()\n" + USED,
        "does not pass rows of a named array",
    ),
    "a data set whose constructor makes something else of it": (
        OWN.replace("torch.tensor(x), y", "torch.tensor(x), y - x.mean()") + "\nx = load()\n" + USED,
        "does not pass rows of a named array",
    ),
    "tested on what is made there": (
        "def main():\n    x = load()\n    "
        + NET
        + "    for i in r:\n        net(x[i])\n    score(net, x, y)\n    score(net, x + 1, y)\n"
        + SCORE
        + CALLED,
        "`score` receives the batch, but is called in several places",
    ),
    "evaluated on what is made there": (
        "x = load()\n" + NET + "for e in r:\n    net(x)\nnet(torch.linspace(0, 1, 9))\n",
        "computes the inputs",
    ),
}


def admitted(patient, text: str, **known: object):
    p = patient(text, model="Net()", model_call="net(")
    p.record.add(Fact.of(replace(INPUTS, **known), 0))
    return p


@pytest.mark.parametrize("case", SCALED)
def test_arrays_are_scaled_below_where_they_are_made(patient, case: str) -> None:
    above, new, below = SCALED[case]
    indent = "    " if below.startswith("    ") else ""
    lines = "".join(indent + line for line in new.format(x="x").splitlines(keepends=True))
    assert admitted(patient, above + below).edited(standardise_data) == above + lines + below


@pytest.mark.parametrize("case", LEFT)
def test_arrays_with_another_use_are_not_scaled(patient, case: str) -> None:
    text, reason = LEFT[case]
    assert reason in admitted(patient, text).refusal(standardise_data)


def test_images_are_scaled_by_one_number(patient) -> None:
    text = "x = load()\n" + NET + "for i in r:\n    net(x[i])\n"
    whole = admitted(patient, text, shape=(32, 1, 8, 8), features=1).edited(standardise_data)
    assert whole.splitlines()[1] == "x = (x - x.mean()) / x.std()"


def test_a_model_passed_to_another_file_is_refused(patient, tmp_path) -> None:
    (tmp_path / "judging.py").write_text("def judge(net):\n    return net(load())\n")
    text = "from judging import judge\nx = load()\n" + NET + "for i in r:\n    net(x[i])\njudge(net)\n"
    assert "line 6 passes the model to another file" in admitted(patient, text).refusal(standardise_data)
    (tmp_path / "judging.py").unlink()
    assert "x = (x - x.mean(0))" in admitted(patient, text).edited(standardise_data)


MISSING = """import numpy as np
import torch

torch.manual_seed(0)
x = torch.randn(60, 3) * 9 + 5
x[3, 1], x[7, 0] = float("nan"), float("inf")
{kind}
a, b = x[:40], x[40:]
{new}net = torch.nn.Identity()
for i in range(4):
    net(torch.as_tensor(a[i]))
net(torch.as_tensor(b))
"""
KINDS = {"torch": "x = x.float()", "numpy": "x = np.array(x, dtype=np.float32)"}


@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_are_replaced_by_the_mean(patient, kind: str) -> None:
    p = patient(MISSING.format(kind=KINDS[kind], new=""), model="torch.nn.Identity()", model_call="net(")
    p.record.add(Fact.of(replace(INPUTS, finite=False), 0))
    new = p.edited(standardise_data).partition("a, b = x[:40], x[40:]\n")[2].partition("net =")[0]
    assert new.count("\n") == 4
    names: dict[str, object] = {}
    exec(MISSING.format(kind=KINDS[kind], new=new), names)
    a, b = torch.as_tensor(names["a"]), torch.as_tensor(names["b"])
    assert a[3, 1] == 0 and a[7, 0] == 0 and bool(a.isfinite().all()) and bool(b.isfinite().all())
    whole = a[(a != 0).all(1)]
    assert whole.mean(0).abs().max() < 1e-6 and whole.std(0).sub(1).abs().max() < 0.02


def test_the_library_of_the_arrays_has_to_be_known(patient) -> None:
    p = patient(MISSING.format(kind="x = load(x)", new=""), model="torch.nn.Identity()", model_call="net(")
    p.record.add(Fact.of(replace(INPUTS, finite=False), 0))
    assert "no NumPy or PyTorch array of them was found" in p.refusal(standardise_data)
