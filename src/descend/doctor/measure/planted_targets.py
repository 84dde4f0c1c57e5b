"""Targets with a known dependence on the examples, to estimate the power of a test of independence."""

from collections.abc import Iterator
from math import sqrt

import torch
from torch import Tensor

# Share of the constant prediction's loss that disappears if the examples are known.
# With 256 images of digits, the test detects 95 % of dependences of this size, and 80 % of those a third as large.
SIZE = 0.5
HALVINGS = 30  # number of bisection steps in the search for the share of sorted labels


def planted_targets(outputs: Tensor, t: Tensor, are_classes: bool, copies: int) -> Iterator[Tensor]:
    """Yield permuted targets of which the network's outputs explain the share `SIZE` of a constant prediction's loss.

    `outputs` has the shape ``(examples, features)``, `t` ``(examples, targets)`` with one column for classes. A share
    of the targets is sorted like an output and the rest is shuffled, so that `SIZE` of the constant's loss can be
    explained.
    """
    generator = torch.Generator().manual_seed(1)  # A separate generator leaves the script's random state unchanged.
    # For real targets, the explained share of the variance is the square of the share of sorted targets.
    share = _share_to_sort(t) if are_classes else sqrt(SIZE)
    in_order = t.sort(0).values
    for _ in range(copies):
        mixed = outputs
        if are_classes or outputs.shape[1] != t.shape[1]:
            weights = torch.randn(outputs.shape[1], t.shape[1], generator=generator, dtype=outputs.dtype)
            mixed = outputs @ weights.to(outputs.device)
        paired = in_order.gather(0, mixed.argsort(0).argsort(0))
        shuffled = t[torch.randperm(len(t), generator=generator)]
        yield torch.where((torch.rand(t.shape, generator=generator) < share).to(t.device), paired, shuffled)


def _share_to_sort(t: Tensor) -> float:
    """Return the share of labels to sort like an output, so that the share `SIZE` of their entropy is explained."""
    shares = t.unique(return_counts=True)[1].double() / len(t)
    least, most = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        if _remaining_entropy(shares, middle) > (1 - SIZE) * _remaining_entropy(shares, 0.0):
            least = middle
        else:
            most = middle
    return most


def _remaining_entropy(shares: Tensor, known: float) -> float:
    """Return the entropy of labels if the share `known` is given and the rest follows the class frequencies."""
    table = (1 - known) * shares.expand(len(shares), -1) + known * torch.eye(len(shares)).to(shares)
    return float(-(shares * torch.xlogy(table, table).sum(1)).sum())
