"""Functions that the processes of the tests import and run."""

import os
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import embedding_bag

from descend.optim import SGD

WORDS, LENGTH = 2000, 8


class Bag(nn.Module):
    """Logistic regression on bags of words, whose gradients are sparse."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(WORDS, 1))

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return embedding_bag(words, self.weight, mode="sum", sparse=True)[:, 0]


def sentences(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randn(WORDS, generator=torch.Generator().manual_seed(0))
    words = torch.randint(WORDS, (count, LENGTH), generator=generator)
    return words, (truth[words].sum(1) > 0).float()


def learn(rank: int, model: nn.Module, steps: int) -> None:
    words, labels = sentences(1 + rank, 16 * steps)
    optimizer = SGD(model.parameters(), lr=0.5)
    for x, y in zip(words.split(16), labels.split(16)):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(x), y).backward()
        optimizer.step()


def count_up(rank: int, model: nn.Module, times: int) -> None:
    """Each process adds to its own weights."""
    for _ in range(times):
        with torch.no_grad():
            model.weight[rank] += 1


def fail(rank: int, model: nn.Module, folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    if rank == 1:
        raise RuntimeError("rank 1 is ill")
    time.sleep(60)


def die(rank: int, model: nn.Module, folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    if rank == 1:
        os.kill(os.getpid(), 9)
    time.sleep(60)
