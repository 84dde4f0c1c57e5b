"""What the second-order optimizers share: a closure whose loss is differentiated twice."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.landscape import CurvatureUnavailable, Hessian, derivatives
from descend.optim.checks import check

Closure = Callable[[], Tensor]


class SecondOrder(torch.optim.Optimizer):
    """An optimizer whose `step` takes a closure that returns the loss, and does not go backward through it."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group. Raises `ValueError` for a hyper-parameter out of its range."""
        super().add_param_group(param_group)
        check(type(self).__name__, self.param_groups[-1])

    def members(self) -> list[tuple[dict[str, Any], Tensor]]:
        """Return all parameters that are trained, each with its group."""
        return [(group, p) for group in self.param_groups for p in group["params"] if p.requires_grad]

    def parameters(self) -> list[Tensor]:
        """Return all parameters that are trained, of every group."""
        return [parameter for _, parameter in self.members()]

    def differentiate(self, closure: Closure | None) -> tuple[Tensor, tuple[Tensor, ...], Hessian]:
        """Return the loss, its gradient and its Hessian. Raises `RuntimeError` where the closure does not allow it."""
        name = type(self).__name__
        if closure is None:
            raise RuntimeError(f"{name}.step needs a closure that returns the loss")
        with torch.enable_grad():
            loss = closure()
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise RuntimeError(f"{name}: the closure must return the loss as a tensor that depends on the parameters")
        try:
            return loss.detach(), *derivatives(loss, self.parameters())
        except CurvatureUnavailable as error:
            raise RuntimeError(
                f"{name} goes backward twice itself: the closure must return the loss without calling backward, "
                f"and each of its operations must have a second derivative ({error})"
            ) from None


def product(hessian: Hessian, vector: Sequence[Tensor]) -> list[Tensor]:
    """Return H v, one tensor per parameter."""
    return [torch.stack(parts).mean(0) for parts in zip(*hessian.products(vector))]


def inner(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """Return a·b over all parameters."""
    return float(sum((x * y).sum(dtype=torch.float64) for x, y in zip(a, b)))
