"""Measure how mini-batch noise spreads the weights of SGD runs from one point: Var[Δw] ∝ η for learning rate η."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.fits import Line, fit_power_law
from descend.landscape.gradients import Gradients
from descend.landscape.loss import Loss, Theta
from descend.landscape.spectrum import Estimate
from descend.landscape.vectors import flat, shaped

REPEATS = 24  # number of runs for each learning rate


@dataclass(frozen=True)
class WeightVariance:
    """The variance of the final weights of SGD runs from one point, for several learning rates.

    The variance is summed over the parameters. squares: squared distance of each run from the mean of the runs, scaled
    so that their mean is the variance. predicted: η·τ·tr Var[g] with the gradient variance at the start, for runs of
    the length τ = η · steps.
    """

    rates: tuple[float, ...]
    squares: tuple[tuple[float, ...], ...]
    predicted: tuple[float, ...]

    @property
    def variances(self) -> tuple[Estimate, ...]:
        """Return the variance of the final weights for each learning rate."""
        return tuple(map(Estimate, self.squares))

    def exponent(self) -> Line:
        """Return a line fitted to log(variance) against log(learning rate). Its expected slope for small ones is 1."""
        return fit_power_law(self.rates, self.variances)


def weight_variance(
    loss: Loss, theta: Theta, rates: Sequence[float], time: float, *, repeats: int = REPEATS, seed: int = 0
) -> WeightVariance:
    """Return the variance of the final weights of SGD runs from `theta` on random batches, for several learning rates.

    Each run with the learning rate η takes round(time / η) steps, so all learning rates move equally far. If the
    gradient's mean and variance are constant, Δw = η·Σ g has the variance η·time·Var[g] (Aitchison, EMAT31530 part 6,
    Minibatching, eq. 12 to 15, for a time of 1).

    Parameters
    ----------
    loss : Loss
        The loss. Each part is a batch.
    theta : sequence of torch.Tensor
        The parameters at the start of each run.
    rates : sequence of float
        The learning rates.
    time : float
        The learning rate times the number of steps, which is the same for all learning rates.
    repeats : int
        The number of runs for each learning rate.
    seed : int
        The seed of the order of the batches.

    Returns
    -------
    WeightVariance
        The measured and the predicted variance for each learning rate.

    Raises
    ------
    ValueError
        For learning rates that take no step, and if a run diverges.
    """
    if bad := [rate for rate in rates if not 0 < rate <= time]:
        raise ValueError(f"a learning rate must be above 0 and at most `time`, which is {time:g}, not {bad[0]:g}")
    if repeats < 3:
        raise ValueError(f"a variance needs at least 3 runs, not {repeats}")
    generator = torch.Generator().manual_seed(seed)
    squares = []
    for rate in rates:
        ends = torch.stack(
            [_weight_change(loss, theta, rate, round(time / rate), generator) for _ in range(repeats)]
        ).double()
        if not bool(torch.isfinite(ends).all()):
            raise ValueError(f"a run with the learning rate {rate:g} diverges; use a smaller one")
        squares.append(tuple(((ends - ends.mean(0)).square().sum(1) * repeats / (repeats - 1)).tolist()))
    here = torch.stack([flat(Loss((part,)).gradient(theta)) for part in loss.parts])
    spread = float(Gradients(here).errors.diagonal().mean())
    return WeightVariance(tuple(rates), tuple(squares), tuple(rate * time * spread for rate in rates))


def _weight_change(loss: Loss, theta: Theta, rate: float, steps: int, generator: torch.Generator) -> Tensor:
    """Return the difference of the final weights of an SGD run from the initial ones, ``(parameters,)``."""
    start = flat(theta)
    row = start.clone()
    for chosen in torch.randint(len(loss.parts), (steps,), generator=generator).tolist():
        row = row - rate * flat(Loss((loss.parts[chosen],)).gradient(shaped(row, theta)))
    return row - start
