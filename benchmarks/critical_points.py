"""Critical points of a loss, and the distance up to which its quadratic model is accurate.

Critical points of small networks are sought from many starts by `scipy.optimize.root`, which converges to saddle points
as it does to minima, half of the starts after some steps downhill; each is held against the formed Hessian.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import factorial, log
from statistics import median

import numpy as np
import torch
from curvature import LARGER, case
from scipy.optimize import minimize, root
from torch import Tensor

from descend.landscape import Loss, critical_point, directions, ends, taylor
from descend.landscape.vectors import flat, shaped

WIDTHS, STARTS, MOST = (1, 2, 3), 200, 150  # evaluations for each start
EXAMPLES, INPUTS = 10, 2
PENALTY = 1e-3  # factor of the squared weights; without it, units saturate, and critical points extend to infinity
SPREAD = 3.0  # of the starts
ZERO = 1e-12  # of the gradient's norm
POLISHES = 3  # Newton steps at the end
ALIKE = 6  # digits in which two costs at one critical point agree
DOWNHILL = 60  # steps at most before the search
SEEDS = 5


@dataclass(frozen=True)
class Found:
    """A critical point: its loss, the signs of its exact eigenvalues, and the kind that was reported."""

    cost: float
    below: int  # eigenvalues
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


def of_critical_points(write: Callable[..., None]) -> None:
    """Count the critical points, check their reported kinds, and measure where the quadratic model fails."""
    torch.set_num_threads(1)
    write("### How many there are, by the size of the network", "")
    write(
        f"Networks {INPUTS} → units (tanh) → 1 without biases on {EXAMPLES} random points and targets, with a penalty",
        f"of {PENALTY:g} on the squared weights, in float64; {STARTS} starts each. Found: different costs at which",
        "there is a critical point. Estimated: how many there are at least, by how many were found once and twice",
        "(Chao 1984). Copies: with other orders and signs of different units, the same cost; not counted. The kind",
        "by the ends that Lanczos iteration finds: as the formed Hessian's eigenvalues say, left undecided, or wrong.",
        "",
    )
    write("| units | parameters | converged | found | estimated | minima | copies of each | right, undecided, wrong |")
    write("|---" * 8 + "|")
    write(*numbers())
    write("", "### The quadratic view along three directions", "")
    write(
        "Exponents: of the errors of the first- and the second-order view in the distance, over the decade before the",
        "quadratic one is off by a tenth of the change: close by 2, and 3 (4 where the third derivative is near 0); of",
        "rectified units, whose cost has kinks, no power holds (the convolutions). Breaks: that distance over the",
        f"length of the weights. Medians of {SEEDS} random directions, one of the others.",
        "",
    )
    write("| network | direction | first order | second order | breaks at |", "|---" * 5 + "|", *views())


def numbers() -> Iterator[str]:
    """Yield a row with the critical points that were found, for each width of the network."""
    for units in WIDTHS:
        loss, rng = _cost(units), np.random.default_rng(0)
        tried = (_critical(loss, rng, units, downhill=k % 2 == 1) for k in range(STARTS))
        points = [point for point in tried if point]
        by_cost = {f"{point.cost:.{ALIKE}e}": point for point in points}
        seen = Counter(Counter(f"{point.cost:.{ALIKE}e}" for point in points).values())
        estimated = len(by_cost) + seen[1] * (seen[1] - 1) / (2 * (seen[2] + 1))
        minima = sum(point.kind == "minimum" for point in by_cost.values())
        undecided = sum(point.named == "undecided" for point in points)
        right = sum(point.named == point.kind for point in points)
        yield (
            f"| {units} | {(INPUTS + 1) * units} | {len(points)} of {STARTS} | {len(by_cost)} | {estimated:.0f} "
            f"| {minima} | {factorial(units) * 2**units} "
            f"| {right}, {undecided}, {len(points) - right - undecided} |"
        )


def _cost(units: int) -> Loss:
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(EXAMPLES, n, generator=generator, dtype=torch.float64) for n in (INPUTS, 1))

    def cost(theta: list[Tensor]) -> Tensor:
        return ((torch.tanh(x @ theta[0]) @ theta[1] - y[:, 0]) ** 2).mean() + PENALTY * sum(
            t.square().sum() for t in theta
        )

    return Loss((cost,))


def _critical(loss: Loss, rng: np.random.Generator, units: int, *, downhill: bool) -> Found | None:
    hessian_of = torch.func.hessian(lambda row: loss.parts[0](shaped(row, like)))
    like = (torch.empty(INPUTS, units, dtype=torch.float64), torch.empty(units, dtype=torch.float64))

    def at(row: np.ndarray) -> tuple[Tensor, ...]:
        return shaped(torch.from_numpy(row), like)

    def gradient(row: np.ndarray) -> np.ndarray:
        return flat(loss.gradient(at(row))).numpy()

    def hessian(row: np.ndarray) -> np.ndarray:
        return hessian_of(torch.from_numpy(row)).numpy()

    start = rng.normal(size=(INPUTS + 1) * units) * SPREAD
    if downhill:
        start = minimize(
            lambda row: loss.value(at(row)), start, jac=gradient, options={"maxiter": rng.integers(DOWNHILL)}
        ).x
    solved = root(gradient, start, jac=hessian, method="lm", options={"xtol": 1e-14, "ftol": 1e-14, "maxiter": MOST})
    row = solved.x
    for _ in range(POLISHES):
        row = row - np.linalg.lstsq(hessian(row), gradient(row))[0]
    if not np.linalg.norm(gradient(row)) < ZERO:
        return None
    theta, values = at(row), np.linalg.eigvalsh(hessian(row))
    known = ends(loss.hessian(theta), theta)
    least = known.zero
    below, above = int((values < -least).sum()), int((values > least).sum())
    named = critical_point(loss, theta, known, tolerance=ZERO).kind
    return Found(loss.value(theta), below, above, len(values) - below - above, named)


def views() -> Iterator[str]:
    """Yield the distances at which the linear and the quadratic model fail, and how their errors grow."""
    for name, make in LARGER.items():
        for steps in (0, 150):
            given = case(name, make, steps=steps)
            loss, at = given.loss, given.at
            known, length = ends(loss.hessian(at), at), float(flat(at).norm())
            looked = directions(loss, at, known)
            for label in looked:
                ways = [directions(loss, at, known, s)[label] for s in range(SEEDS)] if label == "random" else None
                seen = [_exponents(loss, at, way) for way in ways or [looked[label]]]
                first, second, breaks = (median(values) for values in zip(*seen))
                yield f"| {given.name} | {label} | {first:.2f} | {second:.2f} | {breaks / length:.2g} |"


def _exponents(loss: Loss, at: list[Tensor], direction: tuple[Tensor, ...]) -> tuple[float, float, float]:
    breaks = taylor(loss, at, direction).breaks_at
    assert breaks is not None, "no more than a quadratic"
    near = [breaks * 10 ** (k / 4 - 1) for k in range(5)]
    seen = taylor(loss, at, direction, near)

    def slope(errors: tuple[float, ...]) -> float:
        return float(np.polyfit([log(d) for d in near], [log(e) for e in errors], 1)[0])

    return slope(seen.first_errors), slope(seen.second_errors), breaks
