"""Measure how a larger batch, and averaging over steps, reduce the variance of the gradient.

For S independent examples, the variance is tr Σ / S. For S of N examples drawn without replacement, it is
(tr Σ / S) · (N − S) / (N − 1) (Cochran 1977, theorem 2.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.fits import Line, fit_power_law
from descend.landscape.gradients import Gradients
from descend.landscape.spectrum import Estimate

DRAWS = 400  # number of batches drawn for each batch size
SMALL = 1e-3  # fraction of the total weight that a truncated exponential average may omit


@dataclass(frozen=True)
class BatchVariance:
    """Squared distances |g − G|² between batch gradients g and the full gradient G, for several batch sizes.

    squares: one tuple of distances per batch size. population: number of examples that batches were drawn from
    without replacement; None for independent draws.
    """

    sizes: tuple[int, ...]
    squares: tuple[tuple[float, ...], ...]
    population: int | None = None

    @property
    def variances(self) -> tuple[Estimate, ...]:
        """Return the gradient variance for each batch size, summed over the parameters."""
        return tuple(map(Estimate, self.squares))

    def factor(self, size: int) -> float:
        """Return the ratio of the variance to that of independent draws, for batches drawn without replacement."""
        return 1.0 if self.population is None else (self.population - size) / (self.population - 1)

    def exponent(self) -> Line:
        """Return a line fitted to log(variance / `factor`) against log(batch size). Its expected slope is −1."""
        used = [(s, q, self.factor(s)) for s, q in zip(self.sizes, self.squares) if self.factor(s) > 0]
        return fit_power_law([s for s, _, _ in used], [Estimate(tuple(v / f for v in q)) for _, q, f in used])


def variance_by_size(
    sample: Gradients, sizes: Sequence[int], *, draws: int = DRAWS, replacement: bool = False, seed: int = 0
) -> BatchVariance:
    """Return the variance of batch gradients for several batch sizes, estimated by drawing batches from `sample`.

    Parameters
    ----------
    sample : Gradients
        The gradients of single examples.
    sizes : sequence of int
        The batch sizes.
    draws : int
        The number of batches that are drawn for each batch size.
    replacement : bool
        Whether a batch may contain an example twice.
    seed : int
        The seed of the draws.

    Returns
    -------
    BatchVariance
        The measured and the predicted variance for each batch size.

    Raises
    ------
    ValueError
        For batch sizes that cannot be drawn.
    """
    n = sample.count
    if bad := [s for s in sizes if not (1 <= s and (replacement or s < n))]:
        raise ValueError(f"a batch must have from 1 to {n - 1} of the {n} examples, not {bad[0]}")
    generator = torch.Generator().manual_seed(seed)
    squares = []
    for size in sizes:
        if replacement:
            chosen = torch.randint(n, (draws, size), generator=generator)
        else:
            chosen = torch.rand(draws, n, generator=generator).argsort(1)[:, :size]
        weights = torch.zeros(draws, n, dtype=torch.float64)
        each = torch.full((draws, size), 1 / size, dtype=torch.float64)
        squares.append(_squared_errors(sample, weights.scatter_add_(1, chosen, each)))
    return BatchVariance(tuple(sizes), tuple(squares), None if replacement else n)


def variance_of_batches(
    by_size: Mapping[int, Gradients], whole: Tensor, population: int | None = None
) -> BatchVariance:
    """Return the squared distances of batch gradients from the full gradient, for several batch sizes.

    by_size: gradients for each batch size. whole: full gradient ``(parameters,)``.
    """
    squares = {size: (drawn.rows - whole).double().square().sum(1).tolist() for size, drawn in sorted(by_size.items())}
    return BatchVariance(tuple(squares), tuple(map(tuple, squares.values())), population)


@dataclass(frozen=True)
class AveragedVariance:
    """The ratio of the variance of an exponential average of batch gradients to that of a single batch gradient.

    ratio: measured. predicted: (1 − β) / (1 + β).
    """

    beta: float
    ratio: Estimate
    predicted: float


def averaged_variance(
    sample: Gradients, size: int, beta: float, *, draws: int = DRAWS, reshuffled: bool = False, seed: int = 0
) -> AveragedVariance:
    """Return the ratio of the variance of the average m ← β·m + (1 − β)·g to that of one batch gradient g.

    The prediction holds for many independent batches. The average is in Aitchison, EMAT31530 part 6, Momentum; the
    ratio is the sum of its squared weights.

    Parameters
    ----------
    sample : Gradients
        The gradients of single examples.
    size : int
        The number of examples in a batch.
    beta : float
        The decay factor β, in [0, 1).
    draws : int
        The number of simulated averages.
    reshuffled : bool
        Whether batches come from shuffled epochs, as from a DataLoader, so that their errors cancel within an epoch.
    seed : int
        The seed of the draws.

    Returns
    -------
    AveragedVariance
        The measured and the predicted ratio.

    Raises
    ------
    ValueError
        For a wrong `beta` or `size`.
    """
    n = sample.count
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be at least 0 and less than 1, not {beta:g}")
    if not 1 <= size < n:
        raise ValueError(f"a batch must have from 1 to {n - 1} of the {n} examples, not {size}")
    steps = _averaging_length(beta)
    # The weights are reversed, so that the last gradient has the largest one.
    weights = torch.tensor([beta**k for k in range(steps)], dtype=torch.float64).flip(0)
    generator = torch.Generator().manual_seed(seed)
    each = (weights / weights.sum()).repeat_interleave(size) / size
    counted = torch.zeros(draws, n, dtype=torch.float64)
    for row in counted:
        row.scatter_add_(0, _draw_examples(n, size, steps, generator, reshuffled=reshuffled), each)
    alone = float(sample.errors.diagonal().mean()) / size * ((n - size) / (n - 1) if reshuffled else 1.0)
    ratio = Estimate(tuple(s / alone for s in _squared_errors(sample, counted)))
    return AveragedVariance(beta, ratio, (1 - beta) / (1 + beta))


def _averaging_length(beta: float) -> int:
    """Return the number of steps after which a gradient's weight in the average is at most the fraction `SMALL`."""
    steps, left = 1, beta
    while left > SMALL:
        steps, left = steps + 1, left * beta
    return steps


def _draw_examples(n: int, size: int, steps: int, generator: torch.Generator, *, reshuffled: bool) -> Tensor:
    """Return the indices of the examples in successive random batches, ``(steps · size,)``."""
    if not reshuffled:
        return torch.randint(n, (steps * size,), generator=generator)
    epoch = n // size * size  # number of examples in the complete batches of an epoch
    begin = int(torch.randint(n // size, (), generator=generator)) * size
    epochs = -(-(begin + steps * size) // epoch)
    dealt = torch.cat([torch.randperm(n, generator=generator)[:epoch] for _ in range(epochs)])
    return dealt[begin : begin + steps * size]


def _squared_errors(sample: Gradients, weights: Tensor) -> tuple[float, ...]:
    """Return the squared distance of each weighted mean of gradients from their unweighted mean.

    weights: ``(draws, examples)``. Each row of them gives one weighted mean.
    """
    return tuple(((weights @ sample.errors) * weights).sum(1).clamp_min(0).tolist())
