"""The critical points of a small network, sought from many starts.

`scipy.optimize.root` converges to saddle points as it does to minima; half of the starts come after some steps
downhill. The kind of each point is that of the eigenvalues of its Hessian.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import torch
from scipy.optimize import minimize, root
from torch import Tensor

from descend.landscape import Loss, critical_point, ends
from descend.landscape.vectors import flat, shaped

EXAMPLES, INPUTS = 10, 2
PENALTY = 1e-3  # factor of the squared weights; without it, units saturate, and critical points extend to infinity
SPREAD = 3.0  # standard deviation of the starts
MOST = 150  # evaluations for each start
ZERO = 1e-12  # norm of the gradient at a critical point
POLISHES = 3  # Newton steps at the end
ALIKE = 6  # digits in which two costs at one critical point agree
DOWNHILL = 60  # most steps downhill before the search


@dataclass(frozen=True)
class CriticalPoint:
    """A critical point: its cost, the signs of its exact eigenvalues, and the kind that Lanczos iteration reports."""

    cost: float
    below: int  # number of negative eigenvalues
    above: int
    flat: int
    named: str

    @property
    def kind(self) -> str:
        """The kind of point according to the exact eigenvalues."""
        if self.below and self.above:
            return "saddle"
        if self.flat:
            return "degenerate" if self.below or self.above else "flat"
        return "minimum" if self.above else "maximum"


@dataclass(frozen=True)
class CriticalPoints:
    """The critical points of a network that were found from some starts."""

    units: int
    starts: int
    found: tuple[CriticalPoint, ...]  # one for each start that converged

    @property
    def distinct(self) -> list[CriticalPoint]:
        """One point for each cost, the lowest first. Units in another order or with other signs have the same cost."""
        return sorted({_key(point): point for point in self.found}.values(), key=lambda point: point.cost)

    @property
    def estimated(self) -> float:
        """How many different costs there are at least, by how many were found once and twice (Chao 1984)."""
        seen = Counter(Counter(map(_key, self.found)).values())
        return len(self.distinct) + seen[1] * (seen[1] - 1) / (2 * (seen[2] + 1))

    @property
    def copies(self) -> int:
        """The number of points with the same cost: orders and signs of different units."""
        return factorial(self.units) * 2**self.units

    @property
    def parameters(self) -> int:
        """The number of the network's parameters."""
        return (INPUTS + 1) * self.units


def critical_points(units: int, starts: int, seed: int = 0) -> Iterator[CriticalPoints]:
    """Yield the critical points found so far after each start, for a network 2 → units (tanh) → 1 without biases."""
    loss, draws = small_loss(units), np.random.default_rng(seed)
    found: list[CriticalPoint] = []
    for number in range(starts):
        point = _search(loss, draws, units, downhill=number % 2 == 1)
        found += [point] if point is not None else []
        yield CriticalPoints(units, number + 1, tuple(found))


def small_loss(units: int) -> Loss:
    """Return the cost of the network on ten random points and targets, with a penalty on the squared weights."""
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(EXAMPLES, n, generator=generator, dtype=torch.float64) for n in (INPUTS, 1))

    def cost(theta: Sequence[Tensor]) -> Tensor:
        error = torch.tanh(x @ theta[0]) @ theta[1] - y[:, 0]
        return (error**2).mean() + PENALTY * torch.stack([t.square().sum() for t in theta]).sum()

    return Loss((cost,))


def _key(point: CriticalPoint) -> str:
    return f"{point.cost:.{ALIKE}e}"


def _search(loss: Loss, draws: np.random.Generator, units: int, *, downhill: bool) -> CriticalPoint | None:
    """Return the critical point to which a search from a random start converges; None if it does not converge."""
    like = (torch.empty(INPUTS, units, dtype=torch.float64), torch.empty(units, dtype=torch.float64))
    hessian_of = torch.func.hessian(lambda row: loss.parts[0](shaped(row, like)))

    def at(row: np.ndarray) -> tuple[Tensor, ...]:
        return shaped(torch.from_numpy(row), like)

    def gradient(row: np.ndarray) -> np.ndarray:
        return flat(loss.gradient(at(row))).numpy()

    def hessian(row: np.ndarray) -> np.ndarray:
        return hessian_of(torch.from_numpy(row)).numpy()

    row = draws.normal(size=(INPUTS + 1) * units) * SPREAD
    if downhill:
        most = {"maxiter": draws.integers(DOWNHILL)}
        row = minimize(lambda row: loss.value(at(row)), row, jac=gradient, options=most).x
    row = root(gradient, row, jac=hessian, method="lm", options={"xtol": 1e-14, "ftol": 1e-14, "maxiter": MOST}).x
    for _ in range(POLISHES):
        row = row - np.linalg.lstsq(hessian(row), gradient(row))[0]
    if not np.linalg.norm(gradient(row)) < ZERO:
        return None
    theta, values = at(row), np.linalg.eigvalsh(hessian(row))
    known = ends(loss.hessian(theta), theta)
    below, above = int((values < -known.zero).sum()), int((values > known.zero).sum())
    named = critical_point(loss, theta, known, tolerance=ZERO).kind
    return CriticalPoint(loss.value(theta), below, above, len(values) - below - above, named)
