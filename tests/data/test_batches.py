from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, SubsetRandomSampler, TensorDataset

from descend.data.batches import input_batches

X = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
Y = torch.arange(200)


def read(data: object, examples: int = 4096) -> Tensor:
    """Return all inputs that are read from the data."""
    return torch.cat(list(input_batches(data, examples)))


class Stream(IterableDataset):
    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        return ((row, 0) for row in self.rows)


class UsedUp(IterableDataset):
    def __init__(self) -> None:
        self.rows = iter(X)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        return next(self.rows)


class Batched(Dataset):
    """A dataset whose items are batches already."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return X[20 * i : 20 * i + 20], Y[:20]


def as_dict(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    return {"label": torch.stack([y for _, y in rows]), "features": torch.stack([x for x, _ in rows])}


PAIRS = TensorDataset(X, Y)
SOURCES: dict[str, Callable[[], object]] = {
    "tensor": lambda: X,
    "array": lambda: X.numpy(),
    "float64 array": lambda: X.double().numpy(),
    "loader": lambda: DataLoader(PAIRS, batch_size=7, shuffle=True),
    "loader that drops the last": lambda: DataLoader(PAIRS, batch_size=150, shuffle=True, drop_last=True),
    "loader of batches": lambda: DataLoader(Batched(), batch_size=None),
    "loader of dicts": lambda: DataLoader(PAIRS, batch_size=9, collate_fn=as_dict),
    "loader with a batch sampler": lambda: DataLoader(PAIRS, batch_sampler=[[0, 1], [2]]),
    "loader of a stream": lambda: DataLoader(Stream(X), batch_size=8),
    "stream": lambda: Stream(X),
    "dataset": lambda: PAIRS,
    "list of tensors": lambda: list(X.split(33)),
    "list of pairs": lambda: [(x, y) for x, y in zip(X.split(50), Y.split(50))],
    "list of arrays": lambda: [x.numpy() for x in X.split(50)],
    "function": lambda: lambda: ((x, None) for x in X.split(64)),
    "function that gives a loader": lambda: lambda: DataLoader(PAIRS, batch_size=16),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_yields_each_row_once(kind: str) -> None:
    rows = read(SOURCES[kind]())
    assert torch.equal(rows.float(), X)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (iter([X]), TypeError, "read only once"),
        ((x for x in [X]), TypeError, "generator can be read only once"),
        (UsedUp(), TypeError, "UsedUp can be read only once"),
        (DataLoader(UsedUp(), batch_size=4), TypeError, "read only once"),
        (3, TypeError, "cannot be read from a int"),
        (["text"], TypeError, "a batch of type str contains no tensor of inputs"),
        ([{"a": X, "b": X}], ValueError, "one floating-point tensor, not several: a, b"),
        ([{"a": Y, "b": "x"}], ValueError, "int64"),
        ([{}], TypeError, "no tensor"),
        (np.array(["a", "b"]), ValueError, "a mean and a standard deviation cannot be computed"),
    ],
)
def test_data_that_cannot_be_read_is_rejected(data: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read(data)


def test_a_long_dataset_is_read_at_even_spacing() -> None:
    indices: list[int] = []

    class Long(Dataset):
        def __len__(self) -> int:
            return 1_000_000

        def __getitem__(self, i: int) -> Tensor:
            indices.append(i)
            return torch.tensor([float(i)])

    rows = read(DataLoader(Long(), batch_size=32), 100)
    assert indices == list(range(0, 1_000_000, 10_000))
    assert rows.flatten().tolist() == indices


def test_an_endless_stream_is_read_only_as_far_as_needed() -> None:
    class Endless(IterableDataset):
        def __iter__(self) -> Iterator[Tensor]:
            while True:
                yield from X

    assert torch.equal(read(DataLoader(Endless(), batch_size=7), 200), X)


def test_examples_that_a_sampler_leaves_out_are_not_read() -> None:
    loader = DataLoader(PAIRS, batch_size=4, sampler=SubsetRandomSampler(range(100)))
    assert torch.equal(read(loader), X[:100])
    subset = DataLoader(Subset(PAIRS, range(100, 200)), batch_size=4)
    assert torch.equal(read(subset), X[100:])
