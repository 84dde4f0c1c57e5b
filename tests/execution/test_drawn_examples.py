"""Which examples the data loaders of a script draw, and loops over exhausted iterators."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPT = """
import torch
from torch.utils.data import DataLoader, IterableDataset, SubsetRandomSampler, TensorDataset, WeightedRandomSampler

torch.manual_seed(0)
data = TensorDataset(torch.randn(64, 6), torch.randint(2, (64,)))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(data)


model = torch.nn.Linear(6, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
batches = LOADER
for epoch in range(5):
    for x, y in batches:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
"""
LOOP = next(n for n, line in enumerate(SCRIPT.splitlines(), 1) if "in batches" in line)


@pytest.fixture
def run(observe, tmp_path):
    """Return a function that runs the script with a loader and returns its record."""

    def run(loader: str):
        path = tmp_path / "train.py"
        path.write_text(SCRIPT.replace("LOADER", loader))
        return observe(Script(path, tmp_path, ()))

    return run


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        ("DataLoader(data, 8, shuffle=True)", facts.DrawnExamples(64, 64, 64, 320, passes=5, empty=0)),
        ("DataLoader(data, 8, num_workers=1)", facts.DrawnExamples(64, 64, 64, 320, passes=5, empty=0)),
        ("DataLoader(data, batch_size=None)", facts.DrawnExamples(64, 64, 64, 320, passes=5, empty=0)),
        ("DataLoader(data, 8, sampler=SubsetRandomSampler(range(16)))", facts.DrawnExamples(64, 16, 16, 80, 5, 0)),
        ("iter(DataLoader(data, 8))", facts.DrawnExamples(64, 64, 64, 64, passes=1, empty=4)),
        (
            "DataLoader(data, 8, sampler=WeightedRandomSampler([1.0, 1.0], 64))",
            facts.DrawnExamples(64, 64, 2, 320, 5, 0),
        ),
        ("DataLoader(Stream(), 8)", None),
    ],
)
def test_the_draws_of_a_loader_are_counted(run, loader, expected):
    assert run(loader).fact(facts.DrawnExamples, "0") == expected


@pytest.mark.parametrize("indices", ['["a", "b"] * 8', "range(60, 80)"])
def test_a_sampler_of_names_or_of_too_many_numbers_is_not_counted(run, indices):
    methods = "{'__len__': lambda self: 64, '__getitem__': lambda self, i: data[0]}"
    record = run(f"DataLoader(type('Named', (), {methods})(), 8, sampler={indices})")
    assert record.fact(facts.DrawnExamples, "0") is None and record.steps
    assert not [note for note in record.notes if "Error" in note.reason]


def test_the_loop_without_a_batch_is_named(run):
    assert run("iter(DataLoader(data, 8))").site("exhausted", "0").line == LOOP
    assert run("DataLoader(data, 8)").site("exhausted", "0") is None


PREFETCHER = """
class Prefetcher:
    def __init__(self, loader):
        self.loader = loader

    def __iter__(self):
        self.batches = iter(self.loader)
        self.fetch()
        while self.waiting is not None:
            batch = self.waiting
            self.fetch()
            yield batch
        self.fetch()

    def fetch(self):
        self.waiting = next(self.batches, None)


batches = Prefetcher(DataLoader(data, 8))
"""


def test_a_prefetcher_that_asks_once_more_is_no_loop_over_an_exhausted_iterator(observe, tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.replace("batches = LOADER", PREFETCHER))
    assert observe(Script(path, tmp_path, ())).fact(facts.DrawnExamples, "0") == facts.DrawnExamples(
        64, 64, 64, 320, passes=5, empty=1
    )
