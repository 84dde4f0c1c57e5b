"""The largest curvature, by Lanczos iteration on Hessian-vector products (Golub & Van Loan, §10.1).

With a positive diagonal preconditioner P it finds λmax(P⁻¹H), the curvature that an adaptive rule sees: the
similar matrix P^-½ H P^-½ is symmetric and has the same eigenvalues. Eight products match sixteen power iterations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.loss import CurvatureUnavailable, Hessian

BREAKDOWN = 1e-6  # relative size of a new direction below which the Krylov space is complete, in float32


@dataclass(frozen=True)
class TopEigenpair:
    """The largest eigenvalue found, its vector, and the same Rayleigh quotient on each part of the loss."""

    value: float
    vector: tuple[Tensor, ...]  # unit length, shaped as the parameters; a warm start for the next call
    residual: float  # ‖Hv − λv‖, a bound on the error of `value`
    spread: tuple[float, ...]  # vᵀH_k v for each part k; their mean is `value` up to the residual
    products: int  # Hessian-vector products spent


def top_eigenpair(
    hessian: Hessian,
    start: Sequence[Tensor],
    *,
    preconditioner: Sequence[Tensor] | None = None,
    iterations: int = 8,
    go_on: Callable[[int], bool] = lambda products: True,
) -> TopEigenpair:
    """Return the largest eigenpair of H, or of P⁻¹H, from at most `iterations` products.

    `start` is any non-zero direction (the last call's `vector` saves half the work). `go_on(products)` is asked
    after each product and may end the search early. Raises `CurvatureUnavailable` on a non-finite product.
    """
    scale = None if preconditioner is None else _flat(preconditioner).clamp_min(1e-30).rsqrt()
    basis: list[Tensor] = []
    images: list[list[Tensor]] = []  # for each basis vector, its image under every part
    direction = _flat(start)
    norm = direction.norm()
    for _ in range(iterations):
        basis.append(direction / norm)
        images.append(_apply(hessian, basis[-1], start, scale))
        direction = torch.stack(images[-1]).mean(0)
        if not torch.isfinite(direction).all():
            raise CurvatureUnavailable("a Hessian-vector product is not finite")
        size = direction.norm()
        for _ in range(2):  # twice is enough (Parlett): float32 loses orthogonality at once otherwise
            for known in basis:
                direction = direction - torch.dot(known, direction) * known
        norm = direction.norm()
        if norm <= BREAKDOWN * size or not go_on(len(basis)):
            break
    return _ritz(basis, images, start)


def _apply(hessian: Hessian, vector: Tensor, like: Sequence[Tensor], scale: Tensor | None) -> list[Tensor]:
    scaled = vector if scale is None else vector * scale
    products = [_flat(p) for p in hessian.products(_unflat(scaled, like))]
    return products if scale is None else [p * scale for p in products]


def _ritz(basis: list[Tensor], images: list[list[Tensor]], like: Sequence[Tensor]) -> TopEigenpair:
    q = torch.stack(basis)  # (products, parameters)
    parts = [torch.stack(list(part)) for part in zip(*images)]  # each (products, parameters)
    projected = torch.stack([q.double() @ part.double().T for part in parts]).mean(0)
    values, vectors = torch.linalg.eigh((projected + projected.T) / 2)
    weights = vectors[:, -1].to(q.dtype)
    vector = weights @ q
    vector = vector / vector.norm()
    by_part = [weights @ part for part in parts]
    image = torch.stack(by_part).mean(0)
    value = float(values[-1])
    return TopEigenpair(
        value,
        _unflat(vector, like),
        float((image - value * vector).norm()),
        tuple(float(torch.dot(vector, part)) for part in by_part),
        len(basis),
    )


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    flat = torch.cat([t.detach().reshape(-1) for t in tensors])
    return flat if flat.dtype == torch.float64 else flat.float()


def _unflat(vector: Tensor, like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    pieces = vector.split([t.numel() for t in like])
    return tuple(piece.view_as(t).to(t.dtype) for piece, t in zip(pieces, like))
