"""How far the noise of mini-batches spreads the weights: Var[Δw] ∝ η, of real runs from one point."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.fits import Line, exponent
from descend.landscape.gradients import Gradients
from descend.landscape.loss import Loss, Theta
from descend.landscape.spectrum import Estimate
from descend.landscape.vectors import flat, shaped

REPEATS = 24  # runs for each rate


@dataclass(frozen=True)
class WeightVariance:
    """The variance of the weights at the end of runs, summed over the parameters, by learning rate.

    squares: of each run's distance from the runs' mean, scaled so that their mean is the variance.
    predicted: η·τ·tr Var[g], of steps that all see the gradients of the starting point.
    """

    rates: tuple[float, ...]
    squares: tuple[tuple[float, ...], ...]
    predicted: tuple[float, ...]

    @property
    def variances(self) -> tuple[Estimate, ...]:
        """The variance at each rate."""
        return tuple(map(Estimate, self.squares))

    def exponent(self) -> Line:
        """Return the fit of log variance against log η: 1 is expected of small rates. Raises `ValueError`."""
        return exponent(self.rates, self.variances)


def weight_variance(
    loss: Loss, theta: Theta, rates: Sequence[float], time: float, *, repeats: int = REPEATS, seed: int = 0
) -> WeightVariance:
    """Return the spread of plain SGD's runs from `theta`, each of round(time / η) steps on parts drawn at random.

    So all rates go equally far: Δw = η·Σ g over T(η) = time / η steps has the variance η·time·Var[g] where the
    gradient's mean and variance stay as they are on the way (Aitchison, EMAT31530 part 6, Minibatching, eq. 12 to 15,
    for a time of 1). Raises `ValueError` for rates that take no step, and where a run diverges.
    """
    if bad := [rate for rate in rates if not 0 < rate <= time]:
        raise ValueError(f"a rate must be above 0 and at most the time {time:g} of a run, not {bad[0]:g}")
    if repeats < 3:
        raise ValueError(f"a variance needs 3 runs at least, not {repeats}")
    generator = torch.Generator().manual_seed(seed)
    squares = []
    for rate in rates:
        ends = torch.stack([_run(loss, theta, rate, round(time / rate), generator) for _ in range(repeats)]).double()
        if not bool(torch.isfinite(ends).all()):
            raise ValueError(f"a run with the rate {rate:g} diverges; take a smaller one")
        squares.append(tuple(((ends - ends.mean(0)).square().sum(1) * repeats / (repeats - 1)).tolist()))
    here = torch.stack([flat(Loss((part,)).gradient(theta)) for part in loss.parts])
    spread = float(Gradients(here).errors.diagonal().mean())
    return WeightVariance(tuple(rates), tuple(squares), tuple(rate * time * spread for rate in rates))


def _run(loss: Loss, theta: Theta, rate: float, steps: int, generator: torch.Generator) -> Tensor:
    """Return what the weights have moved by."""
    start = flat(theta)
    row = start.clone()
    for chosen in torch.randint(len(loss.parts), (steps,), generator=generator).tolist():
        row = row - rate * flat(Loss((loss.parts[chosen],)).gradient(shaped(row, theta)))
    return row - start
