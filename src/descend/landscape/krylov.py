"""Build an orthonormal basis of a Hessian's Krylov space, and the Hessian projected onto it (Lanczos iteration)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.landscape.loss import CurvatureUnavailable, Hessian
from descend.landscape.memory import require_memory
from descend.landscape.vectors import flat, normal_like, shaped

EXHAUSTED = 1e-6  # A new direction with a smaller norm, relative to the largest product, is rounding error.
WORKING = 4  # number of vectors stored in addition to the basis: start, product, remainder, gradient


class Krylov:
    """A Krylov space of a Hessian; each call of `grow` computes one Hessian-vector product and adds one vector.

    start: ``(parameters,)``. width: largest number of basis vectors. outside: orthonormal vectors ``(vectors,
    parameters)`` that all basis vectors are kept orthogonal to.
    """

    def __init__(
        self,
        hessian: Hessian,
        parameters: Sequence[Tensor],
        start: Tensor,
        width: int,
        outside: Tensor | None = None,
    ) -> None:
        self.hessian, self.parameters, self.width, self.outside = hessian, parameters, width, outside
        require_memory(width + WORKING, [start])
        self.basis = start.new_empty(width, len(start))
        self.matrix = torch.zeros(width, width, dtype=torch.float64)
        self.held = self.products = 0
        self.rest = self.largest = self.noise = 0.0
        self.next = self._project_out(start)
        self.next = self.next / self.next.norm()

    @property
    def projected(self) -> Tensor:
        """Return the Hessian projected onto the basis of the Krylov space, ``(held, held)``."""
        return self.matrix[: self.held, : self.held]

    def grow(self) -> Tensor:
        """Add a vector to the basis and prepare the next one; return the Hessian times the added vector."""
        coupling = self.rest if self.held else None
        self.basis[self.held] = self.next
        self.held += 1
        image = self._project_out(self.next_product())
        self.products += 1
        self.largest = max(self.largest, float(image.norm()))
        beyond, along = self._orthogonal_part(image)
        if coupling is not None and self._is_unbroken:
            self.noise = max(self.noise, abs(float(along[-2]) - coupling))
        self.matrix[: self.held, self.held - 1] = self.matrix[self.held - 1, : self.held] = along
        self.rest, self._is_unbroken = float(beyond.norm()), True
        if self.rest <= EXHAUSTED * self.largest:  # The basis already spans an invariant subspace.
            self.rest = 0.0
            beyond, _ = self._orthogonal_part(self._project_out(normal_like(image, self.products)))
        self.next = beyond / beyond.norm()
        return image

    def next_product(self) -> Tensor:
        """Return the Hessian times the newest basis vector, ``(parameters,)``."""
        return mean_product(self.hessian, self.next, self.parameters)

    _is_unbroken = True

    def restart(self, weights: Tensor) -> None:
        """Replace the basis by linear combinations of its vectors (thick restart). weights: ``(held, kept)``."""
        count = weights.shape[1]
        self.basis[:count] = weights.T.to(self.basis) @ self.basis
        self.matrix[:count, :count] = weights.T @ self.matrix @ weights
        self.held, self._is_unbroken = count, False

    def smallest_image_norm(self) -> float:
        """Return the smallest norm of Hv over unit vectors v in the space. An eigenvalue has at most this magnitude."""
        last = torch.zeros(1, self.held, dtype=torch.float64)
        last[0, -1] = self.rest
        return float(torch.linalg.svdvals(torch.cat([self.projected, last]))[-1])

    def combine(self, weights: Tensor) -> Tensor:
        """Return a linear combination of the basis vectors, scaled to norm 1. weights: ``(held,)``."""
        row = weights.to(self.basis) @ self.basis[: self.held]
        return row / row.norm()

    def _project_out(self, row: Tensor) -> Tensor:
        """Return the vector `row` without its components along the excluded vectors."""
        if self.outside is not None:
            for _ in range(2):
                row = row - (self.outside @ row) @ self.outside
        return row

    def _orthogonal_part(self, row: Tensor) -> tuple[Tensor, Tensor]:
        """Return the part of a vector that is orthogonal to the basis, and its coordinates ``(held,)`` in the basis."""
        held, along = self.basis[: self.held], torch.zeros(self.held, dtype=torch.float64)
        # Two projections keep the basis orthogonal in float32 (Parlett 1998, §6.9); one does not.
        for _ in range(2):
            part = held @ row
            row = row - part @ held
            along += part.double().cpu()
        return row, along


def mean_product(hessian: Hessian, row: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the Hessian times a vector, both ``(parameters,)``. Raises `CurvatureUnavailable` if it is not finite."""
    parts = part_products(hessian, row, parameters)
    return parts.mean(0) if len(parts) > 1 else parts[0]


def part_products(hessian: Hessian, row: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the Hessian of each part of the loss times a vector ``(parameters,)``, as ``(parts, parameters)``.

    Raises `CurvatureUnavailable` if a product is not finite.
    """
    images = torch.stack([flat(part) for part in hessian.products(shaped(row, parameters))])
    if not bool(torch.isfinite(images).all()):
        raise CurvatureUnavailable("a Hessian-vector product is not finite")
    return images
