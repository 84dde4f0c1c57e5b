"""Base class of the second-order optimizers: it differentiates the closure's loss twice."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.landscape import CurvatureUnavailable, Hessian, derivatives
from descend.optim.checks import check_hyperparameters

Closure = Callable[[], Tensor]


class SecondOrder(torch.optim.Optimizer):
    """Base class of optimizers whose `step` takes a closure that returns the loss without calling `backward`."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group. Raises `ValueError` for a hyper-parameter that is out of range."""
        super().add_param_group(param_group)
        check_hyperparameters(type(self).__name__, self.param_groups[-1])

    def grouped_parameters(self) -> list[tuple[dict[str, Any], Tensor]]:
        """Return each trainable parameter together with its parameter group, as pairs (group, parameter)."""
        return [(group, p) for group in self.param_groups for p in group["params"] if p.requires_grad]

    def parameters(self) -> list[Tensor]:
        """Return the trainable parameters of all parameter groups."""
        return [parameter for _, parameter in self.grouped_parameters()]

    def differentiate(self, closure: Closure | None) -> tuple[Tensor, tuple[Tensor, ...], Hessian]:
        """Call the closure; return its loss, the gradient (one tensor per parameter) and the Hessian of the loss.

        Raises `RuntimeError` if the closure is missing or its loss cannot be differentiated twice.
        """
        name = type(self).__name__
        if closure is None:
            raise RuntimeError(f"{name}.step must be called with a closure that returns the loss")
        with torch.enable_grad():
            loss = closure()
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise RuntimeError(f"{name}: the closure must return the loss as a tensor that depends on the parameters")
        try:
            return loss.detach(), *derivatives(loss, self.parameters())
        except CurvatureUnavailable as error:
            raise RuntimeError(
                f"{name} differentiates the loss twice: the closure must return the loss without calling backward, "
                f"and each of its operations must have a second derivative ({error})"
            ) from None


def hessian_vector_product(hessian: Hessian, vector: Sequence[Tensor]) -> list[Tensor]:
    """Return the product of the Hessian and a vector, as one tensor per parameter, of the parameter's shape."""
    return [torch.stack(parts).mean(0) for parts in zip(*hessian.products(vector))]


def inner_product(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """Return the inner product of two lists of tensors with equal shapes, as one number."""
    return float(sum((x * y).sum(dtype=torch.float64) for x, y in zip(a, b)))
