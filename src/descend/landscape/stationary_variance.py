"""Where the noise of the gradients keeps the weights from settling: the variance about a quadratic's minimum.

In a direction of curvature λ the rule with momentum β is w ← w + v, v ← β·v − η·(λ·w + noise): an autoregression of
second order, whose variance is η·σ²·(1 + β) / (λ·(1 − β)·(2·(1 + β) − η·λ)) (Box & Jenkins 1970, §3.2.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt

import torch
from torch import Tensor

CHAINS = 400  # side by side: a variance to 7 %
MOST_STEPS = 20_000
FORGOTTEN = 1e-3  # share of the stationary variance that is still to come when it is read


@dataclass(frozen=True)
class StationaryVariance:
    """The variance of the weights summed over the directions, by rate: of a step's weights and of an average of them.

    `averaged` is of the mean over the last `window` steps' weights.
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
    """Run the rule on a quadratic of these curvatures with errors that are drawn from the rows of `noise` (n, k).

    The rows are what the gradients of batches differ from their mean by, along the eigenvectors of the Hessian. Raises
    `ValueError` where a rate diverges or would take too many steps to forget where it began.
    """
    values = torch.tensor(curvatures, dtype=torch.float64)
    if noise.ndim != 2 or noise.shape[1] != len(values) or not bool((values > 0).all()):
        raise ValueError(f"noise must be of shape (n, {len(values)}) and all curvatures positive")
    centred = noise.double() - noise.double().mean(0)
    spread = centred.square().mean(0)
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for rate in rates:
        steps = window + max(_steps(rate * value, momentum) for value in values.tolist())
        if steps > MOST_STEPS:
            raise ValueError(f"at the rate {rate:g} the weights take {steps} steps to settle, more than {MOST_STEPS}")
        last, mean = _chains(values, centred, rate, momentum, (steps, window), generator)
        covariances = [_covariances(rate * value, momentum, window) for value in values.tolist()]
        scales = [float(s) * rate**2 for s in spread]
        rows.append(
            (
                float(last.var(0).sum()),
                sum(scale * found[0] for scale, found in zip(scales, covariances)),
                float(mean.var(0).sum()),
                sum(scale * _of_mean(found) for scale, found in zip(scales, covariances)),
            )
        )
    measured, predicted, averaged, expected = zip(*rows)
    return StationaryVariance(tuple(rates), measured, predicted, averaged, expected, window)


def _chains(
    values: Tensor, noise: Tensor, rate: float, momentum: float, lengths: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the last weights of each chain, and their mean over the window."""
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


def _steps(rate: float, momentum: float) -> int:
    """Return after how many steps the start is forgotten. `rate` is η·λ. Raises `ValueError` where it diverges."""
    middle = (1 + momentum - rate) / 2
    inside = middle**2 - momentum
    radius = abs(middle) + sqrt(inside) if inside > 0 else sqrt(momentum)
    if radius >= 1:
        raise ValueError(f"η·λ = {rate:g} diverges: it must be less than 2·(1 + β) = {2 * (1 + momentum):g}")
    return 1 + ceil(log(FORGOTTEN) / (2 * log(radius))) if radius else 2


def _covariances(rate: float, momentum: float, window: int) -> list[float]:
    """Return the autocovariances of the weights up to the window, for errors of variance 1; `rate` is η·λ."""
    along, back = 1 + momentum - rate, -momentum
    zero = (1 + momentum) / ((1 - momentum) * rate * (2 * (1 + momentum) - rate))
    found = [zero, along * zero / (1 - back)]
    while len(found) < window:
        found.append(along * found[-1] + back * found[-2])
    return found


def _of_mean(covariances: list[float]) -> float:
    """Return the variance of the mean over as many successive weights as there are autocovariances."""
    n = len(covariances)
    return sum((n - k) * c * (2 if k else 1) for k, c in enumerate(covariances)) / n**2
