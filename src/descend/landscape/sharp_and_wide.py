"""Compare sharp and wide minima on held-out data (Keskar et al. 2017, §2).

A network is trained twice from one start to the same training loss: with small batches, which find wide minima, and
with all batches at once, which finds sharp minima. The losses on held-out batches are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.fitting import Fit, Rule, fitted
from descend.landscape.loss import Loss, Theta

ENOUGH = 0.1  # target loss of both fits, as a fraction of the initial loss
FEWEST = 4  # smallest number of batches: two to fit and two to hold out


@dataclass(frozen=True)
class Minimum:
    """The end of a fit: parameters, number of steps, training loss and held-out loss."""

    theta: tuple[Tensor, ...]
    steps: int
    cost: float
    held_out: float


@dataclass(frozen=True)
class SharpAndWide:
    """Two fits to one half of the batches: `small` with steps on single batches, `large` on all of them at once."""

    fitted_to: tuple[int, ...]  # indices of the training batches
    small: Minimum
    large: Minimum


def sharp_and_wide(loss: Loss, theta: Theta, rule: Rule, passes: int) -> list[SharpAndWide]:
    """Fit each half of the batches from `theta`, once with small and once with large batches; hold out the other half.

    Both fits end at a tenth of the first loss, or at the loss that the slower one reaches in `passes`. Raises
    `ValueError` for fewer than four parts.
    """
    count = len(loss.parts)
    if count < FEWEST:
        raise ValueError(f"at least {FEWEST} batches are needed, so that some can be held out, not {count}")
    halves = tuple(range(0, count, 2)), tuple(range(1, count, 2))
    return [_small_and_large_fit(loss, theta, rule, passes, *chosen) for chosen in (halves, halves[::-1])]


def _small_and_large_fit(
    loss: Loss, theta: Theta, rule: Rule, passes: int, chosen: Sequence[int], others: Sequence[int]
) -> SharpAndWide:
    """Fit the batches `chosen` with small and with large batches; measure both held-out losses on the `others`."""
    batches = Loss(tuple(loss.parts[k] for k in chosen))
    held_out = Loss(tuple(loss.parts[k] for k in others))
    whole = Loss((lambda at: torch.stack([part(at) for part in batches.parts]).mean(),))
    small = fitted(batches, theta, rule, passes, lambda costs: costs[-1] > ENOUGH * costs[0])
    large = fitted(whole, theta, rule, passes, lambda costs: costs[-1] > small.final)
    if large.final > small.final:
        small = fitted(batches, theta, rule, passes, lambda costs: costs[-1] > large.final)

    def result_of_fit(fit: Fit, steps_in_pass: int) -> Minimum:
        """Return the result of a fit, with its number of steps and the loss on the held-out batches."""
        return Minimum(fit.theta, len(fit.costs) * steps_in_pass, fit.final, held_out.value(fit.theta))

    return SharpAndWide(tuple(chosen), result_of_fit(small, len(chosen)), result_of_fit(large, 1))
