"""How long a sum of gradients is by chance: with the sign of each flipped or not."""

import torch
from torch import Tensor

EXHAUSTED = 12  # so many gradients have few enough choices of signs to try them all
DRAWN = 1999  # choices of more: enough for p-values of 0.0005


def flipped_lengths(products: Tensor, seed: int = 0) -> Tensor:
    """Return the squared lengths of the sum under choices of signs, as it is first; from all inner products, (n, n).

    Where the gradients are independent and symmetric about 0, each choice is as likely as the one seen (Lehmann &
    Romano 2005, §15.2): the share of lengths that are no less than the first is a p-value.
    """
    count = len(products)
    if count <= EXHAUSTED:  # one sign may stay: all turned around is as long
        bits = torch.arange(2 ** (count - 1))[:, None] >> torch.arange(count) & 1
    else:
        bits = torch.randint(2, (1 + DRAWN, count), generator=torch.Generator().manual_seed(seed))
        bits[0] = 0
    signs = 1.0 - 2.0 * bits.to(products)
    return ((signs @ products) * signs).sum(1).clamp_min(0)


def chance(lengths: Tensor) -> float:
    """Return the share of them that are no less than the first."""
    return float((lengths >= lengths[0] * (1 - 1e-9)).double().mean())
