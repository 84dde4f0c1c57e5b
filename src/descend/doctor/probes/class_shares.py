"""What a constant prediction of classes costs: on the targets that it is fitted to, and on others."""

from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

ADDED = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # to each class's count: Laplace's 1, and either way of it


class ClassShares(NamedTuple):
    """How often each class comes, as `facts.Targets` has it."""

    classes_seen: int
    entropy: float
    unseen_entropy: float


def class_shares(counts: Tensor, classes: int | None = None) -> ClassShares:
    """Describe how often each class comes: the shares' entropy, and what the shares cost on targets not counted.

    Of few targets among many classes the entropy is far too small (Paninski 2003), the other one too large: where
    the two lie close together, what the best constant prediction costs is known.
    """
    seen = counts[counts > 0]
    shares = seen / seen.sum()
    unseen = _left_out_cost(seen, classes or len(counts))
    return ClassShares(len(seen), float(-(shares * shares.log()).sum()), unseen)


def _left_out_cost(seen: Tensor, classes: int) -> float:
    """Return the mean cost of each target under the shares of all the others (Stone 1974), the best of `ADDED`."""
    total = float(seen.sum())
    if total <= 1:
        return inf
    others = (seen - 1).clamp_min(0)
    costs = [seen * ((total - 1 + a * classes) / (others + a)).log() for a in ADDED]
    return float(torch.stack([cost.sum() for cost in costs]).min()) / total
