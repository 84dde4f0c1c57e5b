"""The Hessian in the coordinates of an adaptive optimizer, which divides the gradient by a diagonal matrix P."""

from collections.abc import Sequence

from torch import Tensor

from descend.landscape.loss import Hessian, Theta
from descend.landscape.vectors import flat, shaped

SMALLEST = 1e-30  # smallest entry of P that has a finite inverse in float32


class Preconditioned:
    """The preconditioned Hessian P^-½ H P^-½, which has the same eigenvalues as P⁻¹H (Cohen et al. 2022).

    In the coordinates y = P^½ θ, the adaptive optimizer is gradient descent with this Hessian.

    Parameters
    ----------
    hessian : Hessian
        The Hessian H.
    preconditioner : sequence of torch.Tensor
        The diagonal of P, with the shapes of the parameters.
    """

    def __init__(self, hessian: Hessian, preconditioner: Sequence[Tensor]) -> None:
        self.hessian, self.inverse_root = hessian, flat(preconditioner).clamp_min(SMALLEST).rsqrt()

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return the preconditioned Hessian of each part of the loss times a vector."""
        parts = self.hessian.products(shaped(flat(vector) * self.inverse_root, vector))
        return [(flat(part) * self.inverse_root,) for part in parts]
