"""A table: the regression of Friedman 1991, "Multivariate adaptive regression splines", eq. 61, with its noise."""

import torch
from torch import nn
from torch.nn.functional import mse_loss

from descend.claims.tasks.task import Build, Split, Task, perceptron, random_split

COLUMNS, TRAIN, EXAMPLES, WIDTH = 10, 800, 1600, 48
MEAN, DEVIATION = 14.4, 4.9  # of the targets, approximately


def _examples(seed: int) -> Split:
    """Return ten uniform columns, five of which determine the target, and standardised targets."""
    generator = torch.Generator().manual_seed(10_000 + seed)
    x = torch.rand(EXAMPLES, COLUMNS, generator=generator)
    y = 10 * (torch.pi * x[:, 0] * x[:, 1]).sin() + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y = (y + torch.randn(EXAMPLES, generator=generator) - MEAN) / DEVIATION
    return random_split((x - 0.5) * 12**0.5, y.unsqueeze(1), TRAIN, seed)


def _network(build: Build) -> nn.Module:
    return perceptron(COLUMNS, WIDTH, 1, build)


TABLE = Task("table", "a regression on a table", _examples, _network, mse_loss, steps=600)
