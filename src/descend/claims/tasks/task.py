"""Data with a network and a loss, for measuring a claim."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Split:
    """Training and held-out examples."""

    x: Tensor
    y: Tensor
    x_out: Tensor
    y_out: Tensor


@dataclass(frozen=True)
class Build:
    """How a network is built; the default of each field is that of the task."""

    depth: int = 2  # hidden layers
    width: float = 1.0  # multiple of the task's width
    norm: bool = False  # whether batch normalisation follows each hidden layer
    activation: Callable[[], nn.Module] = nn.ReLU
    dropout: float = 0.0  # probability, after each hidden activation


@dataclass(frozen=True)
class Task:
    """A task: examples, a network, a loss, and how long it is trained."""

    name: str
    about: str  # one phrase: what the examples are
    examples: Callable[[int], Split]  # seed -> training and held-out examples
    network: Callable[[Build], nn.Module]
    loss: Callable[[Tensor, Tensor], Tensor]  # the mean over the examples
    steps: int  # of batches of 32
    classes: int = 0  # number of classes; 0 without classes


def random_split(x: Tensor, y: Tensor, train: int, seed: int) -> Split:
    """Return a random split of all examples into `train` training examples and the held-out rest."""
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return Split(x[order[:train]], y[order[:train]], x[order[train:]], y[order[train:]])


def hidden_layers(inputs: int, width: int, build: Build) -> list[nn.Module]:
    """Return fully connected hidden layers with their activations."""
    sizes = [inputs, *[max(1, round(build.width * width))] * build.depth]
    layers: list[nn.Module] = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), *([nn.BatchNorm1d(b)] if build.norm else []), build.activation()]
        layers += [nn.Dropout(build.dropout)] if build.dropout else []
    return layers


def perceptron(inputs: int, width: int, outputs: int, build: Build) -> nn.Sequential:
    """Return a fully connected network: the hidden layers and a linear output layer."""
    last = max(1, round(build.width * width)) if build.depth else inputs
    return nn.Sequential(*hidden_layers(inputs, width, build), nn.Linear(last, outputs))
