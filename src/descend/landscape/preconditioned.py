"""The curvature that a rule sees which divides the gradient by a diagonal P, as adaptive ones do."""

from collections.abc import Sequence

from torch import Tensor

from descend.landscape.loss import Hessian, Theta
from descend.landscape.vectors import flat, shaped

SMALLEST = 1e-30  # of an entry of P: its inverse must stay finite in float32


class Preconditioned:
    """P^-½ H P^-½, which is symmetric and has the eigenvalues of P⁻¹H (Cohen et al. 2022), by its products.

    Its coordinates are y = P^½ θ: along its eigenvectors the rule does what gradient descent does along those of H.
    """

    def __init__(self, hessian: Hessian, preconditioner: Sequence[Tensor]) -> None:
        self.hessian, self.inverse_root = hessian, flat(preconditioner).clamp_min(SMALLEST).rsqrt()

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return its product with a vector for each part of the loss."""
        parts = self.hessian.products(shaped(flat(vector) * self.inverse_root, vector))
        return [(flat(part) * self.inverse_root,) for part in parts]
