"""A cost seen with the outputs that it judges: how the parameters move those, and how the cost is curved in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.graph import custom_function
from descend.landscape.loss import CurvatureUnavailable, Hessian, Loss, Theta, first_line, leaves_at, mean_of


@dataclass(frozen=True)
class Judged:
    """One part of a loss: `evaluate` gives the network's outputs and the cost that is made of them."""

    evaluate: Callable[[Theta], tuple[Tensor, Tensor]]

    def cost(self, theta: Theta) -> Tensor:
        """Return the cost alone."""
        return self.evaluate(theta)[1]

    def gauss_newton(self, theta: Theta) -> "GaussNewton":
        """Return its Gauss–Newton matrix at `theta`. Raises `CurvatureUnavailable` where there is none."""
        leaves = leaves_at(theta)
        with torch.enable_grad():
            try:
                outputs, cost = self.evaluate(leaves)
            except (RuntimeError, NotImplementedError) as error:
                raise CurvatureUnavailable(first_line(error)) from None
            if not isinstance(outputs, Tensor):
                raise CurvatureUnavailable(f"the outputs are a {type(outputs).__name__}, not a tensor")
            if not outputs.requires_grad:
                raise CurvatureUnavailable("the outputs do not depend on the parameters")
            if custom := custom_function(cost):
                raise CurvatureUnavailable(f"the custom autograd.Function {custom} may hide its second derivative")
            (slope,) = torch.autograd.grad(cost, outputs, create_graph=True, allow_unused=True)
            if slope is None:
                raise CurvatureUnavailable("the cost does not depend on the outputs")
            weights = torch.zeros_like(outputs, requires_grad=True)
            pulled = torch.autograd.grad(outputs, leaves, weights, create_graph=True, allow_unused=True)
        return GaussNewton(leaves, outputs, slope, weights, pulled)

    def gauss_newton_form(self, theta: Theta, vector: Theta) -> float:
        """Return vᵀ Jᵀ H J v. Raises `CurvatureUnavailable`."""
        return self.gauss_newton(theta).form(vector)


@dataclass(frozen=True)
class GaussNewton:
    """Jᵀ H J: J of the outputs by the parameters, H of the cost by the outputs (Schraudolph 2002).

    It is the Hessian less the curvature of the network itself. A term of the cost that does not go through the outputs
    (a weight penalty) is not in it.
    """

    leaves: list[Tensor]
    outputs: Tensor
    slope: Tensor  # of the cost, by the outputs
    weights: Tensor  # u of
    pulled: tuple[Tensor | None, ...]  # Jᵀu, linear in it

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return the matrix times a vector, as the one part that it is."""
        bent = self._bent(self._moved(vector))
        found = self._taken([self.outputs], self.leaves, [bent])
        return [tuple(torch.zeros_like(t) if f is None else f for t, f in zip(self.leaves, found))]

    def form(self, vector: Theta) -> float:
        """Return vᵀ Jᵀ H J v."""
        moved = self._moved(vector)
        return float((self._bent(moved) * moved).sum(dtype=torch.float64))

    def _moved(self, vector: Theta) -> Tensor:
        """Return J v, as the derivative of uᵀ J v by u."""
        pairs = [(p, v) for p, v in zip(self.pulled, vector) if p is not None and p.requires_grad]
        (found,) = self._taken([p for p, _ in pairs], [self.weights], [v for _, v in pairs])
        return torch.zeros_like(self.outputs) if found is None else found

    def _bent(self, moved: Tensor) -> Tensor:
        if not self.slope.requires_grad:
            return torch.zeros_like(moved)  # a cost that is linear in the outputs
        (found,) = self._taken([self.slope], [self.outputs], [moved])
        return torch.zeros_like(moved) if found is None else found

    @staticmethod
    def _taken(of: list[Tensor], by: list[Tensor], along: list[Tensor]) -> tuple[Tensor | None, ...]:
        try:
            return torch.autograd.grad(of, by, along, retain_graph=True, allow_unused=True)
        except (RuntimeError, NotImplementedError) as error:
            raise CurvatureUnavailable(first_line(error)) from None


@dataclass(frozen=True)
class LossOfOutputs(Loss):
    """A loss whose parts are known with their outputs, so that it has a Gauss–Newton matrix, too."""

    judged: tuple[Judged, ...]

    @classmethod
    def of(cls, judged: Sequence[Judged]) -> "LossOfOutputs":
        """Return the mean of some parts."""
        return cls(tuple(part.cost for part in judged), tuple(judged))

    def gauss_newton(self, theta: Theta) -> Hessian:
        """Return the Gauss–Newton matrix at `theta`, by its products. Raises `CurvatureUnavailable`."""
        return mean_of(self.judged, lambda part: part.gauss_newton(theta))
