"""Where the arrays are scaled that a model is given rows of, and where they are left alone."""

from dataclasses import replace

import pytest
from told import INPUTS

from descend.doctor.record import Fact
from descend.doctor.remedies.standardise_data import standardise_data

NET = "net = Net()\n"
ONE = "{x} = ({x} - {x}.mean(0)) / {x}.std(0)\n"
PAIR = "mean, std = a.mean(0), a.std(0)\na, b = (a - mean) / std, (b - mean) / std\n"
SCALED = {  # the lines above the new ones, the new ones, and what follows
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
    "made of itself": (
        "x = load()\nx = torch.tensor(x)\n",
        ONE,
        "print(x.shape)\n" + NET + "for e in r:\n    net(x)\n",
    ),
}
LEFT = {  # the script, and what the reason says
    "the target, too": (
        "x = load()\n" + NET + "for i in r:\n    b = x[i]\n    f(net(b), b)\n",
        "something else of `x`",
    ),
    "printed": ("x = load()\nprint(x)\n" + NET + "for e in r:\n    net(x)\n", "something else of `x`"),
    "made on a condition": ("if c:\n    x = load()\n" + NET + "for e in r:\n    net(x)\n", "not made in one place"),
    "made in the loop": (NET + "for e in r:\n    x = load()\n    net(x)\n", "makes the inputs"),
    "an expression": (NET + "for e in r:\n    net(torch.cat(parts))\n", "makes the inputs"),
    "a data set of its own": (
        "x = load()\nloader = DataLoader(Own(x))\n" + NET + "for b in loader:\n    net(b)\n",
        "no rows of an array with a name",
    ),
    "evaluated on what is made there": (
        "x = load()\n" + NET + "for e in r:\n    net(x)\nnet(torch.linspace(0, 1, 9))\n",
        "makes the inputs",
    ),
}


def admitted(patient, text: str, **known: object):
    p = patient(text, model="Net()", model_call="net(")
    p.record.add(Fact.of(replace(INPUTS, **known), 0))
    return p


@pytest.mark.parametrize("case", SCALED)
def test_arrays_are_scaled_below_where_they_are_made(patient, case: str) -> None:
    above, new, below = SCALED[case]
    assert admitted(patient, above + below).edited(standardise_data) == above + new.format(x="x") + below


@pytest.mark.parametrize("case", LEFT)
def test_what_means_something_else_is_left_alone(patient, case: str) -> None:
    text, reason = LEFT[case]
    assert reason in admitted(patient, text).refusal(standardise_data)


def test_images_are_scaled_by_one_number(patient) -> None:
    text = "x = load()\n" + NET + "for i in r:\n    net(x[i])\n"
    whole = admitted(patient, text, shape=(32, 1, 8, 8), features=1).edited(standardise_data)
    assert whole.splitlines()[1] == "x = (x - x.mean()) / x.std()"


def test_a_model_that_another_file_is_given_is_left_alone(patient, tmp_path) -> None:
    (tmp_path / "judging.py").write_text("def judge(net):\n    return net(load())\n")
    text = "from judging import judge\nx = load()\n" + NET + "for i in r:\n    net(x[i])\njudge(net)\n"
    assert "line 6 gives the model to another file" in admitted(patient, text).refusal(standardise_data)
    (tmp_path / "judging.py").unlink()
    assert "x = (x - x.mean(0))" in admitted(patient, text).edited(standardise_data)
