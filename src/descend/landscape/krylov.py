"""An orthonormal basis of the directions that products with a Hessian lead to, and the Hessian between them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.landscape.loss import CurvatureUnavailable, Hessian
from descend.landscape.room import require_room
from descend.landscape.vectors import flat, normal_like, shaped

EXHAUSTED = 1e-6  # a new direction so short, beside the longest product, holds nothing but rounding in float32
WORKING = 4  # vectors beside the basis: a start, a product, what is left of it, and the gradient


class Krylov:
    """Vectors grown by one product each, from a start: `outside` a subspace, where one is given by its vectors."""

    def __init__(
        self,
        hessian: Hessian,
        parameters: Sequence[Tensor],
        start: Tensor,
        width: int,
        outside: Tensor | None = None,
    ) -> None:
        self.hessian, self.parameters, self.width, self.outside = hessian, parameters, width, outside
        require_room(width + WORKING, [start])
        self.basis = start.new_empty(width, len(start))
        self.matrix = torch.zeros(width, width, dtype=torch.float64)
        self.held = self.products = 0
        self.rest = self.largest = self.noise = 0.0
        self.next = self._beside(start)
        self.next = self.next / self.next.norm()

    @property
    def projected(self) -> Tensor:
        """H between the vectors held."""
        return self.matrix[: self.held, : self.held]

    def grow(self) -> Tensor:
        """Take the next vector in and find the one after it; return the product."""
        coupling = self.rest if self.held else None
        self.basis[self.held] = self.next
        self.held += 1
        image = self._beside(self.image())
        self.products += 1
        self.largest = max(self.largest, float(image.norm()))
        beyond, along = self._split(image)
        if coupling is not None and self._is_unbroken:
            self.noise = max(self.noise, abs(float(along[-2]) - coupling))
        self.matrix[: self.held, self.held - 1] = self.matrix[self.held - 1, : self.held] = along
        self.rest, self._is_unbroken = float(beyond.norm()), True
        if self.rest <= EXHAUSTED * self.largest:  # a subspace of its own is complete: what lies beyond it?
            self.rest = 0.0
            beyond, _ = self._split(self._beside(normal_like(image, self.products)))
        self.next = beyond / beyond.norm()
        return image

    def image(self) -> Tensor:
        """Return the product with the vector that was taken in last."""
        return mean_product(self.hessian, self.next, self.parameters)

    _is_unbroken = True

    def keep(self, weights: Tensor) -> None:
        """Go on from some combinations of the vectors, on which H is diagonal."""
        count = weights.shape[1]
        self.basis[:count] = weights.T.to(self.basis) @ self.basis
        self.matrix[:count, :count] = weights.T @ self.matrix @ weights
        self.held, self._is_unbroken = count, False

    def nearest(self) -> float:
        """Return the least length of a product with a unit vector of the span: some eigenvalue is as near to 0."""
        last = torch.zeros(1, self.held, dtype=torch.float64)
        last[0, -1] = self.rest
        return float(torch.linalg.svdvals(torch.cat([self.projected, last]))[-1])

    def vector(self, weights: Tensor) -> Tensor:
        """Return a combination of the vectors held, of length 1."""
        row = weights.to(self.basis) @ self.basis[: self.held]
        return row / row.norm()

    def _beside(self, row: Tensor) -> Tensor:
        if self.outside is not None:
            for _ in range(2):
                row = row - (self.outside @ row) @ self.outside
        return row

    def _split(self, row: Tensor) -> tuple[Tensor, Tensor]:
        """Return what lies outside the span, and the coordinates within."""
        held, along = self.basis[: self.held], torch.zeros(self.held, dtype=torch.float64)
        for _ in range(2):  # twice is enough (Parlett 1998, §6.9): float32 loses orthogonality at once otherwise
            part = held @ row
            row = row - part @ held
            along += part.double().cpu()
        return row, along


def mean_product(hessian: Hessian, row: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return H times a row. Raises `CurvatureUnavailable` where it is not finite."""
    parts = part_products(hessian, row, parameters)
    return parts.mean(0) if len(parts) > 1 else parts[0]


def part_products(hessian: Hessian, row: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return each part of H times a row, (parts, n). Raises `CurvatureUnavailable` where one is not finite."""
    images = torch.stack([flat(part) for part in hessian.products(shaped(row, parameters))])
    if not bool(torch.isfinite(images).all()):
        raise CurvatureUnavailable("a Hessian-vector product is not finite")
    return images
