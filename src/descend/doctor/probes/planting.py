"""Targets known to depend on the examples: what a test of independence must find to be believed."""

from collections.abc import Iterator
from math import sqrt

import torch
from torch import Tensor

# Share of the cost that knowing the examples takes off. In 256 images of digits the test finds 95 % of dependences of
# this size, four fifths at a third, and less than half at a tenth.
SIZE = 0.5
HALVINGS = 30


def planted(outputs: Tensor, t: Tensor, are_classes: bool, copies: int) -> Iterator[Tensor]:
    """Yield copies of the targets, the same values, that depend on the network's outputs by `SIZE`.

    outputs: (examples, features); t: (examples, targets), a single column where they are classes. Some targets are
    handed out in the order of an output, the rest at random: so much as takes `SIZE` off the best prediction's cost.
    """
    generator = torch.Generator().manual_seed(1)  # private: the script's own random stream stays as it is
    share = _class_share(t) if are_classes else sqrt(SIZE)  # the explained variance is its square
    in_order = t.sort(0).values
    for _ in range(copies):
        mixed = outputs
        if are_classes or outputs.shape[1] != t.shape[1]:
            weights = torch.randn(outputs.shape[1], t.shape[1], generator=generator, dtype=outputs.dtype)
            mixed = outputs @ weights.to(outputs.device)
        paired = in_order.gather(0, mixed.argsort(0).argsort(0))
        shuffled = t[torch.randperm(len(t), generator=generator)]
        yield torch.where((torch.rand(t.shape, generator=generator) < share).to(t.device), paired, shuffled)


def _class_share(t: Tensor) -> float:
    """Return the share of labels to hand out in order, so that they take `SIZE` off the labels' entropy."""
    shares = t.unique(return_counts=True)[1].double() / len(t)
    least, most = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        if _entropy_left(shares, middle) > (1 - SIZE) * _entropy_left(shares, 0.0):
            least = middle
        else:
            most = middle
    return most


def _entropy_left(shares: Tensor, known: float) -> float:
    """Return the mean entropy of labels of which a share is known, and the others follow the classes' shares."""
    table = (1 - known) * shares.expand(len(shares), -1) + known * torch.eye(len(shares)).to(shares)
    return float(-(shares * torch.xlogy(table, table).sum(1)).sum())
