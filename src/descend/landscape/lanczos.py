"""The largest curvature, and the lowest seen on the way, by Lanczos on products (Golub & Van Loan, §10.1).

With a positive diagonal preconditioner P it finds λmax(P⁻¹H), the curvature that an adaptive rule sees. Eight products
match sixteen power iterations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from descend.landscape.krylov import Krylov, part_products
from descend.landscape.loss import CurvatureUnavailable, Hessian
from descend.landscape.preconditioned import Preconditioned
from descend.landscape.vectors import flat, shaped


@dataclass(frozen=True)
class TopEigenpair:
    """The largest eigenvalue found, its vector, and the same Rayleigh quotient on each part of the loss."""

    value: float
    lowest: float  # the least curvature seen: λmin lies at or below it, so a negative one is certain
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
    matrix = hessian if preconditioner is None else Preconditioned(hessian, preconditioner)
    row = flat(start)
    if not 0 < float(row.norm()) < float("inf"):
        raise CurvatureUnavailable("the search for the largest curvature starts from a zero or infinite direction")
    space = _ByParts(matrix, start, row, min(iterations, len(row)))
    subspaces = 2  # a start inside an invariant subspace sees nothing of the rest; a random one sees all of it
    while True:
        space.grow()
        subspaces -= space.rest == 0
        if space.held == space.width or not go_on(space.products) or not subspaces:
            break
    values, vectors = torch.linalg.eigh(space.projected)
    weights = vectors[:, -1]
    return TopEigenpair(
        float(values[-1]),
        float(values[0]),
        shaped(space.vector(weights), start),
        space.rest * abs(float(weights[-1])),
        tuple(float(weights @ part @ weights) for part in space.projected_parts()),
        space.products,
    )


class _ByParts(Krylov):
    """Keeps what each part of the loss is between the vectors, too."""

    def image(self) -> Tensor:
        parts = part_products(self.hessian, self.next, self.parameters)
        self.columns.append((parts @ self.basis[: self.held].T).double().cpu())
        return parts.mean(0)

    @cached_property
    def columns(self) -> list[Tensor]:
        """Down to the diagonal, (parts, vectors so far)."""
        return []

    def projected_parts(self) -> Tensor:
        """Return each part between the vectors, (parts, held, held)."""
        upper = torch.zeros(len(self.columns[0]), self.held, self.held, dtype=torch.float64)
        for k, column in enumerate(self.columns):
            upper[:, : k + 1, k] = column
        return upper + upper.triu(1).mT
