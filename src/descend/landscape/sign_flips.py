"""Test by random sign flips whether a sum of gradients is longer than chance alone explains."""

import torch
from torch import Tensor

EXHAUSTED = 12  # Up to this number of gradients, all choices of signs are used.
DRAWN = 1999  # number of random choices of signs for more gradients, so the smallest p-value is 0.0005


def flipped_lengths(products: Tensor, seed: int = 0) -> Tensor:
    """Return the squared norms of the sum of gradients for many choices of the gradients' signs, ``(choices,)``.

    products: inner products of the gradients, ``(gradients, gradients)``. The first choice keeps all signs. If the
    gradients are independent and symmetric about 0, all choices are equally likely, so the fraction of lengths that
    are not less than the first is a p-value (Lehmann & Romano 2005, §15.2).
    """
    count = len(products)
    if count <= EXHAUSTED:  # One sign is fixed, because flipping all signs does not change the norm.
        bits = torch.arange(2 ** (count - 1))[:, None] >> torch.arange(count) & 1
    else:
        bits = torch.randint(2, (1 + DRAWN, count), generator=torch.Generator().manual_seed(seed))
        bits[0] = 0
    signs = 1.0 - 2.0 * bits.to(products)
    return ((signs @ products) * signs).sum(1).clamp_min(0)


def p_value_of_first(lengths: Tensor) -> float:
    """Return the p-value of the first of several lengths: the fraction of lengths that are at least as large."""
    return float((lengths >= lengths[0] * (1 - 1e-9)).double().mean())
