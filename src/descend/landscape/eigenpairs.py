"""Compute the largest and smallest eigenpairs of a Hessian by thick-restart Lanczos iteration (Wu & Simon 2000).

One Krylov space gives both ends of the spectrum. When the basis is full, the Ritz vectors nearest to the wanted
eigenpairs are kept, and the iteration continues from them. This equals ARPACK's implicit restart, with simpler code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import torch
from torch import Tensor

from descend.landscape.krylov import Krylov
from descend.landscape.loss import Hessian
from descend.landscape.vectors import flat, normal_like, shaped

BASIS_BYTES = 2**28  # largest memory for the basis vectors, in bytes
MOST_VECTORS = 100  # largest number of basis vectors, unless many eigenpairs are requested
FEWEST_VECTORS = 20  # smallest number of basis vectors, as in ARPACK
VECTORS_PER_PAIR = 3  # smallest number of basis vectors for each requested eigenpair; ARPACK uses 2
ROUNDINGS = 4  # error of a Hessian-vector product, as a multiple of machine epsilon times the largest eigenvalue
PRODUCTS = 300  # largest number of Hessian-vector products in one search


@dataclass(frozen=True)
class Eigenpair:
    """An eigenvalue λ, its unit eigenvector v with the parameters' shapes, and the residual ‖Hv − λv‖.

    Some eigenvalue of H is within `residual` of `value`.

    Parameters
    ----------
    value : float
        The eigenvalue λ.
    vector : tuple of torch.Tensor
        The unit eigenvector v, with the shapes of the parameters.
    residual : float
        ‖Hv − λv‖.
    """

    value: float
    vector: tuple[Tensor, ...]
    residual: float


@dataclass(frozen=True)
class Ends:
    """The largest and the smallest eigenpairs that a search found, and the accuracy of the search.

    Parameters
    ----------
    top : tuple of Eigenpair
        The largest eigenpairs, the largest first.
    bottom : tuple of Eigenpair
        The smallest eigenpairs, the smallest first.
    size : int
        The number of rows of the matrix.
    products : int
        The number of Hessian-vector products.
    unbroken : int
        The number of Hessian-vector products before the first restart.
    noise : float
        The rounding error of the Hessian-vector products, measured by the asymmetry of vᵀHw.
    """

    top: tuple[Eigenpair, ...]
    bottom: tuple[Eigenpair, ...]
    size: int  # number of rows of the matrix
    products: int  # number of Hessian-vector products
    unbroken: int  # number of Hessian-vector products before the first restart
    noise: float  # rounding error of the Hessian-vector products, measured by the asymmetry of vᵀHw

    @property
    def pairs(self) -> tuple[Eigenpair, ...]:
        """Return all eigenpairs that were found, without duplicates, largest eigenvalue first."""
        return (*self.top, *(pair for pair in self.bottom[::-1] if all(pair is not known for known in self.top)))

    @property
    def radius(self) -> float:
        """Return the spectral radius: the largest magnitude of an eigenvalue that was found."""
        return max(abs(pair.value) for pair in self.pairs)

    def unseen(self, share: float) -> float:
        """Return the probability that the search missed an eigenvalue far below the smallest one that it found.

        share: least distance of the missed eigenvalue from that one, as a fraction of the range of the spectrum.

            The probability is over the random start of the search (Kuczyński & Woźniakowski 1992, theorem 4.2).
        """
        if self.unbroken >= self.size:
            return 0.0  # The Krylov space is the whole space, so no eigenvalue is missed.
        return min(1.0, 1.648 * sqrt(self.size) * exp(-sqrt(share) * (2 * self.unbroken - 1)))

    def hidden(self, chance: float = 0.05) -> float:
        """Return how far a missed eigenvalue can be below the smallest one found, with probability 1 − `chance`.

        The distance is a fraction of the range of the spectrum: the share for which `unseen(share)` is `chance`.
        """
        if self.unbroken >= self.size:
            return 0.0
        return min(1.0, (log(1.648 * sqrt(self.size) / chance) / (2 * self.unbroken - 1)) ** 2)

    @property
    def zero(self) -> float:
        """Return the magnitude below which an eigenvalue cannot be distinguished from rounding errors.

        For networks' Hessians, products in float32 differed from float64 by at most 3.3 times precision · `radius`.
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
    """Return the `top` largest and the `bottom` smallest eigenpairs of a Hessian.

    Equal eigenvalues may be found only once.

    Parameters
    ----------
    hessian : Hessian
        The Hessian.
    parameters : sequence of torch.Tensor
        Tensors with the shapes of the parameters.
    top : int
        The number of largest eigenpairs.
    bottom : int
        The number of smallest eigenpairs.
    tolerance : float
        The search ends when every residual is at most this share of the largest eigenvalue magnitude.
    go_on : callable
        The search ends early if `go_on(products)` returns False for the number of products so far.

    Returns
    -------
    Ends
        The eigenpairs.

    Raises
    ------
    CurvatureUnavailable
        If the loss cannot be differentiated twice.
    ValueError
        If no eigenpair is requested.
    """
    if top < 0 or bottom < 0 or top + bottom == 0:
        raise ValueError(f"top and bottom must be at least 0, and one of them at least 1, not {top} and {bottom}")
    start = normal_like(flat(parameters))
    size = start.numel()
    top, bottom = min(top, size), min(bottom, size)
    space = Krylov(hessian, parameters, start, _basis_size(start, top + bottom))
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
            space.restart(weights[:, _kept_ritz_vectors(space.width, top, bottom)])
    pairs = [
        Eigenpair(float(values[k]), shaped(space.combine(weights[:, k]), parameters), float(residuals[k]))
        for k in wanted
    ]
    found = tuple(pairs[::-1][:top]), tuple(pairs[:bottom])
    return Ends(*found, size, space.products, unbroken or space.products, space.noise)


def _basis_size(start: Tensor, wanted: int) -> int:
    """Return the number of basis vectors of the Krylov space in a search for `wanted` eigenpairs."""
    fitting = BASIS_BYTES // (start.numel() * start.element_size())
    return min(start.numel(), max(FEWEST_VECTORS, VECTORS_PER_PAIR * wanted, min(MOST_VECTORS, fitting)))


def _kept_ritz_vectors(width: int, top: int, bottom: int) -> list[int]:
    """Return the indices of the Ritz vectors that a restart keeps: the wanted ones and two fifths of the others."""
    spare = 2 * (width - top - bottom) // 5
    above = top + (spare * top) // (top + bottom)
    below = bottom + spare - (spare * top) // (top + bottom)
    return [*range(below), *range(width - above, width)]
