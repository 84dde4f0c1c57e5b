"""Calls by which a data set makes only its training examples."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """
import random
import torch
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Points(Dataset):
    def __init__(self, training):
        self.training = training
        self.x = torch.randn(64, 6)
        self.y = self.x.argmax(1)

    def __len__(self):
        return 64

    def __getitem__(self, i):
        x = (self.x[i] - 0.1) / 2.0
        if self.training and random.random() < 0.5:
            x = x.flip(-1)
        if self.training:
            x *= 1.5
        return x, self.y[i]


def main(workers=0):
    model = torch.nn.Linear(6, 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train = DataLoader(Points(True), batch_size=8, shuffle=True, num_workers=workers)
    test = DataLoader(Points(TEST), batch_size=32, num_workers=workers)
    for epoch in range(3):
        for x, y in train:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        for x, y in EVALUATED:
            with torch.no_grad():
                model(x).argmax(1) == y


main(WORKERS)
"""


@pytest.fixture
def found(observe, tmp_path):
    """Return a function that runs the script and returns function and line of each reported call."""

    def run(test: str = "False", evaluated: str = "test", workers: int = 0) -> list[tuple[str, int]]:
        path = tmp_path / "train.py"
        text = SCRIPT.replace("TEST", test).replace("EVALUATED", evaluated).replace("WORKERS", str(workers))
        path.write_text(text)
        record = observe(Script(path, tmp_path, ()))
        calls = record.every(facts.OnFetched)
        assert all(record.site("on_fetched", place).line == call.line for place, call in calls.items())
        return sorted((call.function, call.line) for call in calls.values())

    return run


FLIP, SCALE = (next(n for n, line in enumerate(SCRIPT.splitlines(), 1) if piece in line) for piece in ("flip", "*="))


def test_calls_that_only_training_examples_go_through_are_reported(found):
    assert found() == [("flip", FLIP), ("mul", SCALE)]


def test_calls_that_evaluation_examples_share_are_not_reported(found):
    assert found(test="True") == []


def test_nothing_is_reported_without_a_second_loader(found):
    assert found(evaluated="[(test.dataset.x, test.dataset.y)]") == []


def test_calls_in_worker_processes_are_not_observed(found):
    assert found(workers=1) == []
