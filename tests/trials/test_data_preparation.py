"""Statements that prepare the data before the training: which of them an edit can omit or change."""

from pathlib import Path

import libcst as cst
import pytest

from descend.doctor.codemod.preprocessing import preprocessing_edits
from descend.doctor.codemod.rearrangement import only_rearranges
from descend.doctor.codemod.syntax import parse
from descend.doctor.record import Message, Record, Site, facts
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.skip_call import skip_call
from descend.doctor.script.script import Script

PROGRAM = """import os

import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.head.weight.data.mul_(0.1)


def load():
    x = np.random.randn(60, 8)
    x -= x.mean(0)
    return x, x[:, 0] > 0


x, y = load()
count = 0
count += len(x)
os.environ["OMP_NUM_THREADS"] = "1"
x = x[:50]
y = y[:50]
x = np.roll(x, 1, axis=0)
np.random.shuffle(y)
y[::2] = 1
x = torch.tensor(x).float()
y = torch.as_tensor(y)
x.clamp_(-1, 1)
net = Net()
net = net.train()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    scale = x + 1
    scale = scale * 2
    loss = nn.functional.cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
x = x * 0
"""


def found_in(told: list[Message]) -> list[facts.Prepared]:
    record = Record()
    record.extend(told)
    return list(record.every(facts.Prepared).values())


def test_statements_that_change_a_variable_are_found_last_first(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    line = 1 + PROGRAM.splitlines().index("    loss.backward()")
    record = Record(sites=[Site("backward", "", str(path), line, 4, line, 19)])
    told = preprocessing_edits(Script(path, tmp_path), record)
    lines = PROGRAM.splitlines()
    sites = [site for site in told if isinstance(site, Site)]
    assert [lines[s.line - 1][s.column : s.end_column] for s in sites] == [
        "x = np.roll(x, 1, axis=0)", "x.clamp_(-1, 1)", "y[::2] = 1", "np.random.shuffle(y)",
        "x = np.roll(x, 1, axis=0)", "x -= x.mean(0)",
    ]  # fmt: skip
    assert [each.edit for each in found_in(told)] == ["partner", *["leave"] * 5]
    assert preprocessing_edits(Script(path, tmp_path), Record()) == []


MADE_OF = """import torch

x, y = torch.randn(60, 8), torch.rand(60)
x = x / x.norm(dim=1, keepdim=True)
y = torch.bernoulli(torch.sigmoid(x.sum(1)))
torch.shuffle(y)
y[::2] = 1
x = x - x.mean(0)
w = torch.zeros(8, requires_grad=True)
loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ w, y)
loss.backward()
"""


def test_only_edits_that_reorder_values_may_change_the_pairs(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(MADE_OF)
    line = 1 + MADE_OF.splitlines().index("loss.backward()")
    found = found_in(
        preprocessing_edits(Script(path, tmp_path), Record(sites=[Site("backward", "", str(path), line, 0, line, 15)]))
    )
    assert [(each.line, each.edit, "pairs" in each.remakes) for each in found] == [
        (8, "leave", False), (7, "leave", False), (6, "leave", True), (4, "leave", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("rng.shuffle(y)", True),
        ("y = np.roll(y, 1)", True),
        ("x, y = x[order], y[order]", True),
        ("y = y[::-1]", True),
        ("y = y[kept]", False),
        ("y = y + 1", False),
        ("y[0] = 1", False),
        ("y.clamp_(0)", False),
    ],
)
def test_moves_of_values_are_distinguished_from_changes(statement: str, expected: bool) -> None:
    syntax = parse(Path("train.py"), f"order = torch.randperm(9)\nkept = y > 0\n{statement}\n")
    last = syntax.every(cst.BaseSmallStatement)[-1]  # type: ignore[type-abstract]
    assert only_rearranges(syntax, last) is expected


CODED = """coder.fit(users)
codes = coder.fit_transform(items)
other = scaler.fit_transform(items)
loss.backward()


def test():
    return coder.fit_transform(users)


late = scaler.fit_transform(users)
own = Scaler().fit_transform(users), Scaler().fit_transform(items)
"""


def test_a_preprocessor_that_is_fitted_again_is_found(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(CODED)
    told = preprocessing_edits(Script(path, tmp_path), Record(sites=[Site("backward", "", str(path), 4, 0, 4, 15)]))
    assert [(each.line, each.edit) for each in found_in(told)] == [(2, "transform"), (11, "transform")]


COUNTED = """import torch


def pictures(values):
    values = values.reshape(-1, 3, 24, 24)
    flat = values.reshape(len(values), -1), values.view(-1, 1), values.view(values.size(0), 9), torch.reshape(x, (2, 3))
    return np.array(flat).reshape((4, 5))


x, kind, y = x[order], kind[order], y[order]
first, second = x[:9], x[9:]
mean, std = x.mean(0), x.std(0)
x, y = x[:9], shuffled(y)
net = build()
loss.backward()
"""


def test_selections_and_unpaired_reorderings_are_found(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(COUNTED)
    line = COUNTED.splitlines().index("loss.backward()") + 1
    told = preprocessing_edits(
        Script(path, tmp_path), Record(sites=[Site("backward", "", str(path), line, 0, line, 15)])
    )
    assert [(each.line, each.edit) for each in found_in(told)] == [(7, "transpose"), (5, "transpose"), (10, "leave")]


REARRANGED = {  # statements that prepare data, and the same without the one that moves values
    "x = torch.tensor(images).flip(1)": "x = torch.tensor(images)",
    "data = TensorDataset(torch.roll(x, 1, dims=0), y)": "data = TensorDataset(x, y)",
    "x, y = np.flipud(images) / 255, labels": "x, y = images / 255, labels",
    "y = labels[::-1]": "y = labels",
    "data = list(zip(x, reversed(y)))": "",
    "half = x[::2]": "",
}


@pytest.mark.parametrize("made", REARRANGED)
def test_a_statement_that_moves_all_values_is_omitted(tmp_path, made):
    path, head = tmp_path / "train.py", "import numpy as np\nimport torch\n"
    path.write_text(f"{head}{made}\nloss.backward()\n")
    script, record = Script(path, tmp_path), Record(sites=[Site("backward", "", str(path), 4, 0, 4, 15)])
    record.extend(preprocessing_edits(script, record))
    skipped = [place for place, each in record.every(facts.Prepared).items() if each.edit == "skip"]
    made_anew = [
        apply_remedy(skip_call, script, record, {"kind": "prepared", "place": place}).read(path) for place in skipped
    ]
    assert made_anew == ([f"{head}{REARRANGED[made]}\nloss.backward()\n"] if REARRANGED[made] else [])
