"""Stored examples that change while data sets return them."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Subset


class Rows(Dataset):
    def __init__(self):
        self.rows = ROWS
        self.visits = torch.zeros(40)
        self.cache = torch.zeros(40, 6)
        self.labels = torch.randint(2, (40,))

    def __len__(self):
        return 40

    def __getitem__(self, i):
        self.visits[i] += 1
        CHANGE
        return torch.as_tensor(row), self.labels[i]


model = torch.nn.Linear(6, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(DATA, 8, shuffle=True)
for epoch in range(4):
    for x, y in loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
"""
LINE = next(n for n, line in enumerate(SCRIPT.splitlines(), 1) if "CHANGE" in line)
ARRAY, TENSOR = "np.random.randn(40, 6).astype(np.float32)", "torch.randn(40, 6)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "change", "data", "expected"),
    [
        (ARRAY, "row = self.rows[i]; row += 1", "Rows()", facts.ChangedExamples(64, 64, "rows", is_tensor=False)),
        (TENSOR, "row = self.rows[i].mul_(0.9)", "Subset(Rows(), range(9, 33))", facts.ChangedExamples(64, 64, "rows")),
        pytest.param(
            *(f"list({TENSOR})", "row = self.rows[i]; row += 1", "Rows()", facts.ChangedExamples(64, 64, "rows")),
            marks=pytest.mark.thorough,
        ),
        pytest.param(ARRAY, "row = self.rows[i] + 1", "Rows()", None, marks=pytest.mark.thorough),
        (TENSOR, "row = self.cache[i]; row.copy_(self.rows[i])", "Rows()", None),
    ],
    ids=["an array", "a tensor of a subset", "a list of tensors", "a copy", "a cache"],
)
def test_changes_of_examples_that_are_fetched_again_are_counted(observe, tmp_path, rows, change, data, expected):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.replace("ROWS", rows).replace("CHANGE", change).replace("DATA", data))
    record = observe(Script(path, tmp_path, ()))
    assert record.fact(facts.ChangedExamples) == expected
    site, changed = record.site("taken_rows", "stored"), record.site("taken_rows", "changed")
    if expected is None:
        assert site is None
    else:
        assert (changed is None) == (rows == ARRAY)  # Calls of NumPy are not observed.
        assert path.read_text().splitlines()[site.line - 1][site.column : site.end_column] == "self.rows[i]"
        assert site.line == LINE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("length", "row", "expected"),
    [
        ("len(self.rows) // 5", "self.rows[i]", facts.ShortLength("rows", 40, 8)),
        pytest.param("8", "self.rows[i] * 2", facts.ShortLength("rows", 40, 8), marks=pytest.mark.thorough),
        ("8", "self.rows[5 * i]", None),
        pytest.param("8", "self.rows[torch.randint(40, ())]", None, marks=pytest.mark.thorough),
    ],
)
def test_a_length_below_that_of_the_array_that_is_indexed_is_recorded(observe, tmp_path, length, row, expected):
    text = SCRIPT.replace("return 40", f"return {length}").replace("self.labels[i]", "1").replace("DATA", "Rows()")
    path = tmp_path / "train.py"
    path.write_text(text.replace("ROWS", TENSOR).replace("CHANGE", f"row = {row}").replace("self.visits[i] += 1", ""))
    record = observe(Script(path, tmp_path, ()))
    assert record.fact(facts.ShortLength, "0") == expected
    site = record.site("length", "0")
    assert (site is None) == (expected is None)
    if site is not None:
        assert path.read_text().splitlines()[site.line - 1][site.column : site.end_column] == length
