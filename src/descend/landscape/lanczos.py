"""The largest curvature, by Lanczos iteration on Hessian-vector products (Golub & Van Loan, §10.1).

With a positive diagonal preconditioner P it finds λmax(P⁻¹H), the curvature that an adaptive rule sees: the
similar matrix P^-½ H P^-½ is symmetric and has the same eigenvalues. Eight products match sixteen power iterations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.loss import CurvatureUnavailable, Hessian
from descend.landscape.vectors import flat, normal_like, shaped

BREAKDOWN = 1e-6  # relative size of a new direction below which the Krylov space is complete, in float32
SMALLEST_SCALE = 1e-30  # of a preconditioner's entry: its inverse must stay finite in float32


@dataclass(frozen=True)
class TopEigenpair:
    """The largest eigenvalue found, its vector, and the same Rayleigh quotient on each part of the loss."""

    value: float
    vector: tuple[Tensor, ...]  # unit length, shaped as the parameters; a warm start for the next call
    residual: float  # ‖Hv − λv‖: some eigenvalue lies within this of `value`
    spread: tuple[float, ...]  # vᵀH_k v for each part k; their mean is `value` up to round-off
    products: int  # Hessian-vector products spent


def top_eigenpair(
    hessian: Hessian,
    start: Sequence[Tensor],
    *,
    preconditioner: Sequence[Tensor] | None = None,
    iterations: int = 8,
    go_on: Callable[[int], bool] = lambda products: True,
) -> TopEigenpair:
    """Return the algebraically largest eigenpair of H, or of P⁻¹H, from at most `iterations` products.

    `start` is any non-zero direction (the last call's `vector` saves half the work). `go_on(products)` may end it
    after each one. Raises `CurvatureUnavailable`.
    """
    scale = None if preconditioner is None else flat(preconditioner).clamp_min(SMALLEST_SCALE).rsqrt()
    direction, norm = _direction(start)
    basis, columns = list[Tensor](), list[Tensor]()
    largest, restarts = torch.zeros_like(norm), 1
    for _ in range(min(iterations, direction.numel())):
        basis.append(direction / norm)
        direction, column = _apply(hessian, basis, start, scale)
        columns.append(column)
        largest = torch.maximum(largest, direction.norm())
        direction, norm = _orthogonal(direction, basis)
        complete = norm <= BREAKDOWN * largest
        if not go_on(len(basis)) or (complete and (not restarts or len(basis) == direction.numel())):
            break
        if complete:  # a start inside an invariant subspace sees nothing of the rest; a random one sees all of it
            restarts -= 1
            direction, norm = _orthogonal(normal_like(direction), basis)
    return _ritz(basis, columns, start, float(norm))


def _apply(
    hessian: Hessian, basis: Sequence[Tensor], like: Sequence[Tensor], scale: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return H q for the last q of the basis, and each part's projection of it: (parts, products so far)."""
    scaled = basis[-1] if scale is None else basis[-1] * scale
    products = [flat(p) for p in hessian.products(shaped(scaled, like))]
    if not all(torch.isfinite(p).all() for p in products):
        raise CurvatureUnavailable("a Hessian-vector product is not finite")
    images = products if scale is None else [p * scale for p in products]
    column = [torch.stack([(q * image).sum(dtype=torch.float64) for q in basis]) for image in images]
    return torch.stack(images).mean(0), torch.stack(column)


def _orthogonal(direction: Tensor, basis: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the part of `direction` outside the span of `basis`, and its length."""
    for _ in range(2):  # twice is enough (Parlett): float32 loses orthogonality at once otherwise
        for known in basis:
            direction = direction - torch.dot(known, direction) * known
    return direction, direction.norm()


def _ritz(basis: list[Tensor], columns: list[Tensor], like: Sequence[Tensor], rest: float) -> TopEigenpair:
    """Return the best pair in the span of `basis`; `rest` is the length of the next direction outside it."""
    size, parts = len(basis), len(columns[0])
    upper = torch.zeros(parts, size, size, dtype=torch.float64)
    for j, column in enumerate(columns):
        upper[:, : j + 1, j] = column.cpu()
    projected = upper + upper.triu(1).mT  # (parts, products, products), symmetric as each part's Hessian is
    values, vectors = torch.linalg.eigh(projected.mean(0))
    weights = vectors[:, -1]
    vector = weights.to(basis[0]) @ torch.stack(basis)
    return TopEigenpair(
        float(values[-1]),
        shaped(vector / vector.norm(), like),
        rest * abs(float(weights[-1])),
        tuple(float(weights @ part @ weights) for part in projected),
        size,
    )


def _direction(start: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    direction = flat(start)
    norm = direction.norm()
    if not torch.isfinite(norm) or norm == 0:
        raise CurvatureUnavailable("the search for the largest curvature starts from a zero or infinite direction")
    return direction, norm
