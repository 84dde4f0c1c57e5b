"""How the variance of a gradient falls with the batch, and with averaging over steps.

Of independent examples it is tr Σ / S. Of S examples that are dealt without replacement out of N it is
(tr Σ / S) · (N − S) / (N − 1) (Cochran 1977, theorem 2.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.fits import Line, exponent
from descend.landscape.gradients import Gradients
from descend.landscape.spectrum import Estimate

DRAWS = 400  # batches of each size
SMALL = 1e-3  # share of the weight that an exponential average may leave out


@dataclass(frozen=True)
class BatchVariance:
    """Squared distances |g_S − G|² of drawn gradients from the whole one, by the size of the batch.

    population: how many examples they were drawn from without replacement; None for independent draws.
    """

    sizes: tuple[int, ...]
    squares: tuple[tuple[float, ...], ...]
    population: int | None = None

    @property
    def variances(self) -> tuple[Estimate, ...]:
        """The variance at each size, summed over the parameters."""
        return tuple(map(Estimate, self.squares))

    def factor(self, size: int) -> float:
        """Return what drawing without replacement leaves of the variance, 1 for independent draws."""
        return 1.0 if self.population is None else (self.population - size) / (self.population - 1)

    def exponent(self) -> Line:
        """Return the fit of log variance, less that factor, against log S: −1 is expected. Raises `ValueError`."""
        used = [(s, q, self.factor(s)) for s, q in zip(self.sizes, self.squares) if self.factor(s) > 0]
        return exponent([s for s, _, _ in used], [Estimate(tuple(v / f for v in q)) for _, q, f in used])


def variance_by_size(
    sample: Gradients, sizes: Sequence[int], *, draws: int = DRAWS, replacement: bool = False, seed: int = 0
) -> BatchVariance:
    """Return the variance of mini-batch gradients that are drawn out of the gradients of examples.

    Raises `ValueError` for sizes that cannot be drawn.
    """
    n = sample.count
    if bad := [s for s in sizes if not (1 <= s and (replacement or s < n))]:
        raise ValueError(f"a batch must have from 1 to {n - 1} examples of {n}, not {bad[0]}")
    generator = torch.Generator().manual_seed(seed)
    squares = []
    for size in sizes:
        if replacement:
            chosen = torch.randint(n, (draws, size), generator=generator)
        else:
            chosen = torch.rand(draws, n, generator=generator).argsort(1)[:, :size]
        weights = torch.zeros(draws, n, dtype=torch.float64)
        each = torch.full((draws, size), 1 / size, dtype=torch.float64)
        squares.append(_squares(sample, weights.scatter_add_(1, chosen, each)))
    return BatchVariance(tuple(sizes), tuple(squares), None if replacement else n)


def variance_of_batches(
    by_size: Mapping[int, Gradients], whole: Tensor, population: int | None = None
) -> BatchVariance:
    """Return the variance of the gradients of batches that were drawn and differentiated one by one."""
    squares = {size: (drawn.rows - whole).double().square().sum(1).tolist() for size, drawn in sorted(by_size.items())}
    return BatchVariance(tuple(squares), tuple(map(tuple, squares.values())), population)


@dataclass(frozen=True)
class AveragedVariance:
    """The variance of an exponential average of gradients over that of one: measured, and (1 − β) / (1 + β)."""

    beta: float
    ratio: Estimate
    predicted: float


def averaged_variance(
    sample: Gradients, size: int, beta: float, *, draws: int = DRAWS, reshuffled: bool = False, seed: int = 0
) -> AveragedVariance:
    """Return what the average m ← β·m + (1 − β)·g of batches' gradients at one point leaves of their variance.

    The prediction is for independent batches, in the limit of many (Aitchison, EMAT31530 part 6, Momentum, has the
    average; its variance is the sum of the squared weights). `reshuffled` deals the batches out of
    shuffled epochs, as a loader does: their errors cancel within an epoch. Raises `ValueError`.
    """
    n = sample.count
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be at least 0 and less than 1, not {beta:g}")
    if not 1 <= size < n:
        raise ValueError(f"a batch must have from 1 to {n - 1} examples of {n}, not {size}")
    steps = _memory(beta)
    weights = torch.tensor([beta**k for k in range(steps)], dtype=torch.float64).flip(0)  # the latest counts most
    generator = torch.Generator().manual_seed(seed)
    each = (weights / weights.sum()).repeat_interleave(size) / size
    counted = torch.zeros(draws, n, dtype=torch.float64)
    for row in counted:
        row.scatter_add_(0, _series(n, size, steps, generator, reshuffled=reshuffled), each)
    alone = float(sample.errors.diagonal().mean()) / size * ((n - size) / (n - 1) if reshuffled else 1.0)
    ratio = Estimate(tuple(s / alone for s in _squares(sample, counted)))
    return AveragedVariance(beta, ratio, (1 - beta) / (1 + beta))


def _memory(beta: float) -> int:
    steps, left = 1, beta
    while left > SMALL:
        steps, left = steps + 1, left * beta
    return steps


def _series(n: int, size: int, steps: int, generator: torch.Generator, *, reshuffled: bool) -> Tensor:
    """Return the examples of successive batches."""
    if not reshuffled:
        return torch.randint(n, (steps * size,), generator=generator)
    epoch = n // size * size  # what is left over is dropped
    begin = int(torch.randint(n // size, (), generator=generator)) * size
    epochs = -(-(begin + steps * size) // epoch)
    dealt = torch.cat([torch.randperm(n, generator=generator)[:epoch] for _ in range(epochs)])
    return dealt[begin : begin + steps * size]


def _squares(sample: Gradients, weights: Tensor) -> tuple[float, ...]:
    """Return the squared length of Σ w·(g − G) for each row of weights (draws, n)."""
    return tuple(((weights @ sample.errors) * weights).sum(1).clamp_min(0).tolist())
