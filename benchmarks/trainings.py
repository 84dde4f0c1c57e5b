"""Digits, small networks and trainings that several benchmarks share."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import islice

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import BatchSampler

from descend.data import Reshuffled, Standardise

TRAIN = 1200
CLASSES = 10


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Return the 1797 standardised images of 64 pixels, and their classes."""
    data = load_digits()
    x = torch.tensor(data.data, dtype=torch.float32)
    return Standardise(x)(x).clamp(-5, 5), torch.tensor(data.target)


@dataclass(frozen=True)
class Split:
    """Training and held-out examples of one seed."""

    x: Tensor
    y: Tensor
    x_out: Tensor
    y_out: Tensor


def split(seed: int, wrong: float = 0.0) -> Split:
    """Return a random split; of the training labels a share is drawn at random."""
    x, y = digits()
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=generator)
    train, out = order[:TRAIN], order[TRAIN:]
    labels = y[train].clone()
    noisy = torch.rand(TRAIN, generator=generator) < wrong
    labels[noisy] = torch.randint(CLASSES, (int(noisy.sum()),), generator=generator)
    return Split(x[train], labels, x[out], y[out])


def network(depth: int = 2, width: int = 64, *, norm: bool = False, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    """Return a network of hidden layers, with batch norm or without."""
    sizes, parts = [64, *[width] * depth], list[nn.Module]()
    for a, b in zip(sizes, sizes[1:]):
        parts += [nn.Linear(a, b), *([nn.BatchNorm1d(b)] if norm else []), activation()]
    return nn.Sequential(*parts, nn.Linear(width, CLASSES))


@dataclass
class Training:
    """A training by momentum SGD on batches of 32."""

    steps: int
    build: Callable[[], nn.Module] = network

    def run(self, data: Split, seed: int) -> nn.Module:
        """Return the trained model."""
        torch.manual_seed(seed)
        model = self.build()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        sampler, step = Reshuffled(TRAIN, seed), 0
        while step < self.steps:
            for batch in islice(BatchSampler(sampler, 32, drop_last=True), self.steps - step):
                optimizer.zero_grad()
                cross_entropy(model(data.x[batch]), data.y[batch]).backward()
                optimizer.step()
                step += 1
        return model


@torch.no_grad()
def loss(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Return the mean negative log likelihood of a model that returns logits."""
    if isinstance(model, nn.Module):
        model.eval()
    value = cross_entropy(model(x), y).item()
    return value if math.isfinite(value) else 100.0


def held_out(model: Callable[[Tensor], Tensor], data: Split) -> float:
    """Return it on held-out examples."""
    return loss(model, data.x_out, data.y_out)


def trained(model: Callable[[Tensor], Tensor], data: Split) -> float:
    """Return it on the training examples."""
    return loss(model, data.x, data.y)
