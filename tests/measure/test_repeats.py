"""The number of distinct examples among the first batches."""

import pytest
import torch
import torch.nn.functional as F
from moments import Step, record
from torch import Tensor, nn

from descend.doctor.instrumentation.example_fingerprints import count_distinct_examples
from descend.doctor.measure.snapshot import forward

torch.manual_seed(0)
X, Y = torch.randn(140, 5), torch.randint(3, (140,))
NET = nn.Linear(5, 3)
A, B = torch.randperm(140).split(70)


def step(x: Tensor, y: Tensor) -> Step:
    return lambda: F.cross_entropy(NET(x), y)


def nodes(rows: Tensor) -> Step:
    """A graph network: the whole graph is the input, and some nodes have a target."""
    return lambda: F.cross_entropy(NET(X)[rows], Y[rows])


@pytest.mark.parametrize(
    ("batches", "count"),
    [
        ([step(X, Y)] * 2, 140),
        ([step(X[A], Y[A]), step(X[B], Y[B]), step(X[:70], Y[:70])], 140),  # shuffled again
        ([step(X[A], Y[A]), step(X[A], (Y[A] + 1) % 3)], 140),  # other targets
        ([nodes(A)] * 4, 70),
        ([step(X[:1].expand(6, 5), Y[:1].expand(6))], 6),  # alike, and no repeat
    ],
)
def test_a_repeated_example_counts_once(batches, count):
    assert count_distinct_examples([forward(record(batch), evaluation=True) for batch in batches]) == count
