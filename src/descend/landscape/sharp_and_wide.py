"""Does a sharp minimum do worse on data that it was not fitted to? (Keskar et al. 2017, §2.)

From one start a network is fitted by steps on single batches, which find wide minima, and by steps on all of them at
once, which find sharp ones, to one training cost; the batches that were held out say what either is worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.fitting import Fit, Rule, fitted
from descend.landscape.loss import Loss, Theta

ENOUGH = 0.1  # of the cost at the start, where both get as far
FEWEST = 4  # batches: two to fit and two to hold out


@dataclass(frozen=True)
class Minimum:
    """Where a fit ended: its steps, its cost on what it was fitted to and on what was held out."""

    theta: tuple[Tensor, ...]
    steps: int
    cost: float
    held_out: float


@dataclass(frozen=True)
class SharpAndWide:
    """Both fits of one half of the batches: by steps on each of them, and on all at once."""

    fitted_to: tuple[int, ...]  # the batches' numbers
    small: Minimum
    large: Minimum


def sharp_and_wide(loss: Loss, theta: Theta, rule: Rule, passes: int) -> list[SharpAndWide]:
    """Return the fits of either half of the loss's parts, the other half held out, each from `theta`.

    Both go to a tenth of the first cost, or to what the slower one reaches in so many passes. Raises `ValueError` for
    fewer than four parts.
    """
    count = len(loss.parts)
    if count < FEWEST:
        raise ValueError(f"it takes {FEWEST} batches to fit some and hold out others, not {count}")
    halves = tuple(range(0, count, 2)), tuple(range(1, count, 2))
    return [_compared(loss, theta, rule, passes, *chosen) for chosen in (halves, halves[::-1])]


def _compared(
    loss: Loss, theta: Theta, rule: Rule, passes: int, chosen: Sequence[int], others: Sequence[int]
) -> SharpAndWide:
    batches = Loss(tuple(loss.parts[k] for k in chosen))
    held_out = Loss(tuple(loss.parts[k] for k in others))
    whole = Loss((lambda at: torch.stack([part(at) for part in batches.parts]).mean(),))
    small = fitted(batches, theta, rule, passes, lambda costs: costs[-1] > ENOUGH * costs[0])
    large = fitted(whole, theta, rule, passes, lambda costs: costs[-1] > small.final)
    if large.final > small.final:
        small = fitted(batches, theta, rule, passes, lambda costs: costs[-1] > large.final)

    def minimum(fit: Fit, steps_in_pass: int) -> Minimum:
        return Minimum(fit.theta, len(fit.costs) * steps_in_pass, fit.final, held_out.value(fit.theta))

    return SharpAndWide(tuple(chosen), minimum(small, len(chosen)), minimum(large, 1))
