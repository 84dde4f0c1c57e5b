"""The ends of a Hessian's spectrum, by Lanczos iteration that is restarted with what it has found (Wu & Simon 2000).

Both ends come out of one Krylov space. Where its vectors fill the room that they are given, those nearest to the wanted
pairs are kept and the iteration goes on from them: the same as ARPACK's implicit restart, without its bookkeeping.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import torch
from torch import Tensor

from descend.landscape.krylov import Krylov
from descend.landscape.loss import Hessian
from descend.landscape.vectors import flat, normal_like, shaped

ROOM_BYTES = 2**28  # for the vectors held,
WIDEST = 100  # so many at most,
WIDTH, WIDER = 20, 3  # and so many at least, and for each wanted pair (ARPACK's default is 20, and 2 for each)
ROUNDINGS = 4  # of the largest eigenvalue, that its product with a vector may be off by
PRODUCTS = 300  # after which what has been found must do


@dataclass(frozen=True)
class Eigenpair:
    """An eigenvalue λ, its unit vector v shaped as the parameters, and ‖Hv − λv‖: some eigenvalue lies that near."""

    value: float
    vector: tuple[Tensor, ...]
    residual: float


@dataclass(frozen=True)
class Ends:
    """The largest eigenpairs, largest first; the smallest, smallest first; and what they rest on."""

    top: tuple[Eigenpair, ...]
    bottom: tuple[Eigenpair, ...]
    size: int  # of the matrix
    products: int  # Hessian-vector products spent,
    unbroken: int  # of them before the first restart
    noise: float  # how far the products are from those of a symmetric matrix: what rounding hides

    @property
    def pairs(self) -> tuple[Eigenpair, ...]:
        """All of them, each once, largest first: those of a small matrix are at both ends."""
        return (*self.top, *(pair for pair in self.bottom[::-1] if all(pair is not known for known in self.top)))

    @property
    def radius(self) -> float:
        """The largest magnitude of an eigenvalue."""
        return max(abs(pair.value) for pair in self.pairs)

    def unseen(self, share: float) -> float:
        """Return the chance that an eigenvalue lies below the smallest found by that share of the spectrum's range.

        Kuczyński & Woźniakowski 1992, theorem 4.2: over the random direction that the search has begun with.
        """
        if self.unbroken >= self.size:
            return 0.0  # all directions have been seen
        return min(1.0, 1.648 * sqrt(self.size) * exp(-sqrt(share) * (2 * self.unbroken - 1)))

    def hidden(self, chance: float = 0.05) -> float:
        """Return the share of the range below the smallest found that an eigenvalue is beyond with that chance at most.

        The inverse of `unseen`.
        """
        if self.unbroken >= self.size:
            return 0.0
        return min(1.0, (log(1.648 * sqrt(self.size) / chance) / (2 * self.unbroken - 1)) ** 2)

    @property
    def zero(self) -> float:
        """The magnitude below which an eigenvalue cannot be told from 0: what rounding does to the products.

        That of networks' Hessians in float32 was measured against float64: at most 3.3 roundings of the radius.
        """
        precision = max(torch.finfo(t.dtype).eps for pair in (*self.top, *self.bottom) for t in pair.vector)
        return ROUNDINGS * max(self.noise, precision * self.radius)


def ends(
    hessian: Hessian,
    parameters: Sequence[Tensor],
    *,
    top: int = 1,
    bottom: int = 1,
    tolerance: float = 1e-3,
    go_on: Callable[[int], bool] = lambda products: products < PRODUCTS,
) -> Ends:
    """Return the largest and the smallest eigenpairs of H, as many as are asked for and as there are.

    The search ends when every residual is at most `tolerance` times the largest magnitude, or when `go_on(products)`
    says so. Of equal eigenvalues one may be found for all. Raises `CurvatureUnavailable`.
    """
    if top < 0 or bottom < 0 or top + bottom == 0:
        raise ValueError(f"top and bottom must be counts, one of them at least 1, not {top} and {bottom}")
    start = normal_like(flat(parameters))
    size = start.numel()
    top, bottom = min(top, size), min(bottom, size)
    space = Krylov(hessian, parameters, start, _width(start, top + bottom))
    unbroken = 0
    while True:
        space.grow()
        values, weights = torch.linalg.eigh(space.projected)
        residuals = space.rest * weights[-1].abs()
        wanted = sorted({*range(bottom), *range(space.held - top, space.held)} & {*range(space.held)})
        is_found = float(residuals[wanted].max()) <= tolerance * float(values.abs().max()) and space.held > top + bottom
        if space.held == size or is_found or not go_on(space.products):
            break
        if space.held == space.width:
            unbroken = unbroken or space.products
            space.keep(weights[:, _nearest(space.width, top, bottom)])
    pairs = [
        Eigenpair(float(values[k]), shaped(space.vector(weights[:, k]), parameters), float(residuals[k]))
        for k in wanted
    ]
    found = tuple(pairs[::-1][:top]), tuple(pairs[:bottom])
    return Ends(*found, size, space.products, unbroken or space.products, space.noise)


def _width(start: Tensor, wanted: int) -> int:
    room = ROOM_BYTES // (start.numel() * start.element_size())
    return min(start.numel(), max(WIDTH, WIDER * wanted, min(WIDEST, room)))


def _nearest(width: int, top: int, bottom: int) -> list[int]:
    """Return the places of the wanted values and of as many more next to them as make a restart worth while."""
    spare = 2 * (width - top - bottom) // 5
    above = top + (spare * top) // (top + bottom)
    below = bottom + spare - (spare * top) // (top + bottom)
    return [*range(below), *range(width - above, width)]
