"""The loss of the best constant class prediction, on the targets that it is fitted to and on unseen targets."""

from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

# Candidate numbers of pseudo-examples that are added to each class; Laplace smoothing adds 1.
ADDED = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class ClassShares(NamedTuple):
    """The number of classes in the targets, and the entropies of their frequencies on seen and unseen targets."""

    classes_seen: int
    entropy: float
    unseen_entropy: float


def class_shares(counts: Tensor, classes: int | None = None) -> ClassShares:
    """Return the entropy of the class frequencies, and their cross-entropy on unseen targets.

    For few targets and many classes, the entropy is far too small (Paninski 2003) and the cross-entropy too large. If
    the two are close, the loss of the best constant prediction is known.
    """
    seen = counts[counts > 0]
    shares = seen / seen.sum()
    unseen = _leave_one_out_cross_entropy(seen, classes or len(counts))
    return ClassShares(len(seen), float(-(shares * shares.log()).sum()), unseen)


def _leave_one_out_cross_entropy(seen: Tensor, classes: int) -> float:
    """Return the leave-one-out cross-entropy of smoothed class frequencies (Stone 1974), minimised over smoothings."""
    total = float(seen.sum())
    if total <= 1:
        return inf
    others = (seen - 1).clamp_min(0)
    costs = [seen * ((total - 1 + a * classes) / (others + a)).log() for a in ADDED]
    return float(torch.stack([cost.sum() for cost in costs]).min()) / total
