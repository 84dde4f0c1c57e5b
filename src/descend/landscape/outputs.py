"""A cost seen with the outputs that it judges: how the parameters move those, and how the cost is curved in them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.loss import CurvatureUnavailable, Theta


@dataclass(frozen=True)
class Judged:
    """One part of a loss: `evaluate` gives the network's outputs and the cost that is made of them."""

    evaluate: Callable[[Theta], tuple[Tensor, Tensor]]

    def gauss_newton_form(self, theta: Theta, vector: Theta) -> float:
        """Return vᵀ Jᵀ H J v: J of the outputs by the parameters, H of the cost by the outputs (Schraudolph 2002).

        Raises `CurvatureUnavailable` where the outputs do not depend on the parameters.
        """
        leaves = [t.detach().requires_grad_() for t in theta]
        with torch.enable_grad():
            outputs, cost = self.evaluate(leaves)
            if not outputs.requires_grad:
                raise CurvatureUnavailable("the outputs do not depend on the parameters")
            moved = _moved(outputs, leaves, vector)
            (slope,) = torch.autograd.grad(cost, outputs, create_graph=True)
            if not slope.requires_grad:
                return 0.0  # a cost that is linear in the outputs
            (bent,) = torch.autograd.grad(slope, outputs, moved)
        return float((bent * moved).sum(dtype=torch.float64))


def _moved(outputs: Tensor, leaves: list[Tensor], vector: Theta) -> Tensor:
    """Return J v, as the derivative of uᵀ J v by u."""
    weights = torch.zeros_like(outputs, requires_grad=True)
    pulled = torch.autograd.grad(outputs, leaves, weights, create_graph=True, allow_unused=True)
    along = sum(((p * v).sum() for p, v in zip(pulled, vector) if p is not None), torch.zeros(()).to(outputs))
    return torch.autograd.grad(along, weights)[0].detach()
