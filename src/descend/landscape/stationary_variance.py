"""Measure the variance that gradient noise gives the weights around the minimum of a quadratic loss.

In a direction of curvature λ, SGD with momentum β is w ← w + v, v ← β·v − η·(λ·w + noise): an autoregression of
second order, whose variance is η·σ²·(1 + β) / (λ·(1 − β)·(2·(1 + β) − η·λ)) (Box & Jenkins 1970, §3.2.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt

import torch
from torch import Tensor

CHAINS = 400  # number of parallel simulations; the variance then has a standard error of 7 %
MOST_STEPS = 20_000  # largest number of steps of a simulation
FORGOTTEN = 1e-3  # relative difference from the stationary variance at the time of the measurement


@dataclass(frozen=True)
class StationaryVariance:
    """The stationary variance of SGD's weights around a minimum, for several learning rates.

    All variances are summed over the directions. measured, predicted: of the weights after one step.
    averaged, averaged_predicted: of the mean weights of the last `window` steps.
    """

    rates: tuple[float, ...]
    measured: tuple[float, ...]
    predicted: tuple[float, ...]
    averaged: tuple[float, ...]
    averaged_predicted: tuple[float, ...]
    window: int


def stationary_variance(
    curvatures: Sequence[float],
    noise: Tensor,
    rates: Sequence[float],
    *,
    momentum: float = 0.0,
    window: int = 20,
    seed: int = 0,
) -> StationaryVariance:
    """Return the stationary variance of SGD's weights on a quadratic loss, from simulations with gradient noise.

    Parameters
    ----------
    curvatures : sequence of float
        The Hessian's eigenvalues, all above 0.
    noise : torch.Tensor
        Differences of batch gradients from their mean along the eigenvectors, of shape ``(n, directions)``. Rows are
        drawn from it.
    rates : sequence of float
        The learning rates.
    momentum : float
        The momentum factor, in [0, 1).
    window : int
        The number of last steps whose mean weights are measured, too.
    seed : int
        The seed of the draws.

    Returns
    -------
    StationaryVariance
        The simulated and the predicted variance for each learning rate.

    Raises
    ------
    ValueError
        If a learning rate diverges, or would need more than `MOST_STEPS` steps.
    """
    values = torch.tensor(curvatures, dtype=torch.float64)
    if noise.ndim != 2 or noise.shape[1] != len(values) or not bool((values > 0).all()):
        raise ValueError(f"noise must have the shape (n, {len(values)}), and all curvatures must be positive")
    centred = noise.double() - noise.double().mean(0)
    spread = centred.square().mean(0)
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for rate in rates:
        steps = window + max(_settling_steps(rate * value, momentum) for value in values.tolist())
        if steps > MOST_STEPS:
            raise ValueError(
                f"at learning rate {rate:g}, the weights need {steps} steps to settle, more than {MOST_STEPS}"
            )
        last, mean = _simulated_weights(values, centred, rate, momentum, (steps, window), generator)
        covariances = [_autocovariances(rate * value, momentum, window) for value in values.tolist()]
        scales = [float(s) * rate**2 for s in spread]
        rows.append(
            (
                float(last.var(0).sum()),
                sum(scale * found[0] for scale, found in zip(scales, covariances)),
                float(mean.var(0).sum()),
                sum(scale * _variance_of_mean(found) for scale, found in zip(scales, covariances)),
            )
        )
    measured, predicted, averaged, expected = zip(*rows)
    return StationaryVariance(tuple(rates), measured, predicted, averaged, expected, window)


def _simulated_weights(
    values: Tensor, noise: Tensor, rate: float, momentum: float, lengths: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Simulate SGD `CHAINS` times; return the last weights of each run, and their mean over its last steps."""
    steps, window = lengths
    w = torch.zeros(CHAINS, len(values), dtype=torch.float64)
    v, total = torch.zeros_like(w), torch.zeros_like(w)
    for step in range(steps):
        drawn = noise[torch.randint(len(noise), (CHAINS,), generator=generator)]
        v = momentum * v - rate * (values * w + drawn)
        w = w + v
        if step >= steps - window:
            total += w
    return w, total / window


def _settling_steps(rate: float, momentum: float) -> int:
    """Return the number of SGD steps after which the starting point has almost no effect on the variance.

    rate: η·λ, the learning rate times the curvature. Raises `ValueError` if SGD diverges.
    """
    middle = (1 + momentum - rate) / 2
    inside = middle**2 - momentum
    radius = abs(middle) + sqrt(inside) if inside > 0 else sqrt(momentum)
    if radius >= 1:
        raise ValueError(f"SGD diverges with η·λ = {rate:g}; it must be less than 2·(1 + β) = {2 * (1 + momentum):g}")
    return 1 + ceil(log(FORGOTTEN) / (2 * log(radius))) if radius else 2


def _autocovariances(rate: float, momentum: float, window: int) -> list[float]:
    """Return the first `window` autocovariances of SGD's weights along one direction, for gradient noise of variance 1.

    rate: η·λ, the learning rate times the curvature.
    """
    along, back = 1 + momentum - rate, -momentum
    zero = (1 + momentum) / ((1 - momentum) * rate * (2 * (1 + momentum) - rate))
    found = [zero, along * zero / (1 - back)]
    while len(found) < window:
        found.append(along * found[-1] + back * found[-2])
    return found


def _variance_of_mean(covariances: list[float]) -> float:
    """Return the variance of the mean of n successive weights, from their first n autocovariances."""
    n = len(covariances)
    return sum((n - k) * c * (2 if k else 1) for k, c in enumerate(covariances)) / n**2
