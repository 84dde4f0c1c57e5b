"""The training that each process of the Hogwild! measurement runs."""

import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, embedding_bag

from descend.optim import SGD

WORDS, LENGTH, BATCH = 50_000, 20, 32
WIDTH = 256
SECONDS, WARM = 3.0, 20  # steps


class Bag(nn.Module):
    """Logistic regression on bags of words: each gradient touches a thousandth of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(WORDS, 1))

    def forward(self, words: Tensor) -> Tensor:
        """Return the logit of each bag (n, LENGTH) -> (n,)."""
        return embedding_bag(words, self.weight, mode="sum", sparse=True)[:, 0]


class Dense(nn.Module):
    """A perceptron: each gradient touches every weight."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(LENGTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1))

    def forward(self, words: Tensor) -> Tensor:
        """Return the logit of each row (n, LENGTH) -> (n,)."""
        return self.body(words / WORDS)[:, 0]


MODELS = {"sparse": Bag, "dense": Dense}


def train(rank: int, models: nn.ModuleList, done: Any) -> None:
    """Train the rank's model for some seconds; report the steps per second and the CPU seconds per step."""
    model = models[rank]
    generator = torch.Generator().manual_seed(rank)
    optimizer, steps, began = SGD(model.parameters(), lr=0.01), 0, 0.0
    while steps < WARM or time.perf_counter() - began < SECONDS:
        words = torch.randint(WORDS, (BATCH, LENGTH), generator=generator)
        optimizer.zero_grad()
        binary_cross_entropy_with_logits(model(words), (words[:, 0] > WORDS / 2).float()).backward()
        optimizer.step()
        steps += 1
        if steps == WARM:
            began, busy = time.perf_counter(), time.process_time()
    taken = steps - WARM
    done.put((taken / (time.perf_counter() - began), (time.process_time() - busy) / taken))
