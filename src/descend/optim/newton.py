"""Newton's method for many parameters: conjugate gradients solve for the step, and stop early."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.landscape import Hessian
from descend.optim.second_order import Closure, SecondOrder, inner, product

SUFFICIENT = 1e-4  # share of the predicted decrease that a step must bring (Nocedal & Wright 2006, §3.1)
HALVINGS = 30


class NewtonCG(SecondOrder):
    """Damped, truncated Newton: (H + damping·I) p = −g by conjugate gradients (Nocedal & Wright 2006, Algorithm 7.1).

    At most `max_products` Hessian-vector products are spent on a step; the step is halved until the loss falls.
    `tolerance` is the residual, relative to ‖g‖, at which a step is good enough; None: min(½, √‖g‖).

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
        """Take one step; return the loss before it. Raises `RuntimeError` for a closure that has gone backward."""
        loss, gradient, hessian = self.differentiate(closure)
        assert closure is not None
        length = math.sqrt(inner(gradient, gradient))
        if not math.isfinite(length):
            raise RuntimeError("NewtonCG: the gradient is not finite")
        if length:
            first = self.param_groups[0]  # the system that is solved is one for all groups
            share = min(0.5, math.sqrt(length)) if first["tolerance"] is None else first["tolerance"]
            enough = share * length
            direction = conjugate_gradients(hessian, gradient, first["damping"], enough, first["max_products"])
            self._search(closure, float(loss), direction, inner(gradient, direction))
        return loss

    def _search(self, closure: Closure, loss: float, direction: Sequence[Tensor], slope: float) -> None:
        """Go along the direction, half as far each time that the loss does not fall enough (Armijo)."""
        start = [parameter.clone() for parameter in self.parameters()]
        rates = [group["lr"] for group, _ in self.members()]
        for halving in range(HALVINGS):
            share = 0.5**halving
            for parameter, origin, rate, along in zip(self.parameters(), start, rates, direction):
                parameter.copy_(origin + share * rate * along)
            if float(closure()) <= loss + SUFFICIENT * share * max(rates) * slope:
                return
        for parameter, origin in zip(self.parameters(), start):
            parameter.copy_(origin)


def conjugate_gradients(
    hessian: Hessian, gradient: Sequence[Tensor], damping: float, enough: float, most: int
) -> list[Tensor]:
    """Return p with (H + damping·I) p ≈ −g: to a residual of `enough`, or until the curvature turns negative."""
    solution = [torch.zeros_like(g) for g in gradient]
    residual = [g.clone() for g in gradient]
    direction = [-g for g in gradient]
    squared = inner(residual, residual)
    for iteration in range(most):
        image = [hv + damping * d for hv, d in zip(product(hessian, direction), direction)]
        curvature = inner(direction, image)
        if curvature <= 0:
            return solution if iteration else direction
        along = squared / curvature
        for p, d, r, image_part in zip(solution, direction, residual, image):
            p.add_(d, alpha=along)
            r.add_(image_part, alpha=along)
        before, squared = squared, inner(residual, residual)
        if math.sqrt(squared) <= enough:
            break
        direction = [(squared / before) * d - r for d, r in zip(direction, residual)]
    return solution
