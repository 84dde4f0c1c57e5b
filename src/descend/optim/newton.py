"""Newton's method for many parameters: conjugate gradients compute an approximate Newton step."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.landscape import Hessian
from descend.optim.second_order import Closure, SecondOrder, hessian_vector_product, inner_product

SUFFICIENT = 1e-4  # share of the predicted decrease by which the loss must fall (Nocedal & Wright 2006, §3.1)
HALVINGS = 30  # maximum number of times that the line search halves a step


class NewtonCG(SecondOrder):
    """Newton's method: conjugate gradients solve (H + damping·I) p = −g for the step p, with Hessian H and gradient g.

    This is Algorithm 7.1 of Nocedal & Wright 2006. The step is halved until the loss decreases enough.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The length of the first step that is tried, in units of p.
    damping : float
        The number that is added to the diagonal of the Hessian.
    max_products : int
        The largest number of Hessian-vector products in a step.
    tolerance : float, optional
        Conjugate gradients stop at a residual of `tolerance`·‖g‖. Default: min(½, √‖g‖).

    Raises
    ------
    ValueError
        If `max_products` is less than 1, or a number is outside its limits.

    Examples
    --------
    >>> optimizer = NewtonCG(model.parameters())
    >>> loss = optimizer.step(lambda: loss_fn(model(x), y))
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        damping: float = 0.0,
        max_products: int = 50,
        tolerance: float | None = None,
    ) -> None:
        if max_products < 1:
            raise ValueError(f"NewtonCG: max_products must be at least 1, not {max_products}")
        chosen = {"damping": damping, "max_products": max_products, "tolerance": tolerance}
        super().__init__(params, {"lr": lr, **chosen})

    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> Tensor:  # type: ignore[override]
        """Take one step, and return the loss before the step.

        Raises `RuntimeError` for a missing closure, one that calls `backward`, or a gradient that is not finite.
        """
        loss, gradient, hessian = self.differentiate(closure)
        assert closure is not None
        length = math.sqrt(inner_product(gradient, gradient))
        if not math.isfinite(length):
            raise RuntimeError("NewtonCG: the gradient contains infinity or NaN")
        if length:
            first = self.param_groups[0]  # all groups share one linear system, so the first group's settings apply
            fraction = min(0.5, math.sqrt(length)) if first["tolerance"] is None else first["tolerance"]
            max_residual = fraction * length
            direction = conjugate_gradients(hessian, gradient, first["damping"], max_residual, first["max_products"])
            self._line_search(closure, float(loss), direction, inner_product(gradient, direction))
        return loss

    def _line_search(self, closure: Closure, loss: float, direction: Sequence[Tensor], slope: float) -> None:
        """Step along a direction, and halve the step until the loss decreases enough (Armijo's condition).

        If no step length does, the parameters are restored.
        """
        start = [parameter.clone() for parameter in self.parameters()]
        lrs = [group["lr"] for group, _ in self.grouped_parameters()]
        for halving in range(HALVINGS):
            fraction = 0.5**halving
            for parameter, origin, lr, step in zip(self.parameters(), start, lrs, direction):
                parameter.copy_(origin + fraction * lr * step)
            if float(closure()) <= loss + SUFFICIENT * fraction * max(lrs) * slope:
                return
        for parameter, origin in zip(self.parameters(), start):
            parameter.copy_(origin)


def conjugate_gradients(
    hessian: Hessian, gradient: Sequence[Tensor], damping: float, max_residual: float, max_iterations: int
) -> list[Tensor]:
    """Solve (H + damping·I) p ≈ −g for the Hessian H and the gradient g; return p as one tensor per parameter.

    The iteration stops at a residual norm of `max_residual`, after `max_iterations`, or at negative curvature.
    """
    solution = [torch.zeros_like(g) for g in gradient]
    residual = [g.clone() for g in gradient]
    direction = [-g for g in gradient]
    squared = inner_product(residual, residual)
    for iteration in range(max_iterations):
        image = [hv + damping * d for hv, d in zip(hessian_vector_product(hessian, direction), direction)]
        curvature = inner_product(direction, image)
        if curvature <= 0:
            return solution if iteration else direction
        step_length = squared / curvature
        for p, d, r, image_part in zip(solution, direction, residual, image):
            p.add_(d, alpha=step_length)
            r.add_(image_part, alpha=step_length)
        last_squared, squared = squared, inner_product(residual, residual)
        if math.sqrt(squared) <= max_residual:
            break
        direction = [(squared / last_squared) * d - r for d, r in zip(direction, residual)]
    return solution
