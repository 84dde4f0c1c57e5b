"""Compute the Gauss–Newton matrix of a loss that is a function of the network's outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.graph import custom_function
from descend.landscape.loss import HELD, CurvatureUnavailable, Hessian, Loss, Theta, first_line, leaves_at, mean_hessian


@dataclass(frozen=True)
class Judged:
    """One part of a loss, such as a batch: `evaluate` returns the network's outputs and the loss computed from them.

    Parameters
    ----------
    evaluate : callable
        Returns the network's outputs and the loss, for a list of tensors with the parameters' shapes.
    """

    evaluate: Callable[[Theta], tuple[Tensor, Tensor]]

    def cost(self, theta: Theta) -> Tensor:
        """Return only the loss at `theta`, without the network's outputs."""
        return self.evaluate(theta)[1]

    def gauss_newton(self, theta: Theta) -> "GaussNewton":
        """Return the Gauss–Newton matrix of this part of the loss at `theta`. Raises `CurvatureUnavailable`."""
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
                raise CurvatureUnavailable("the loss does not depend on the outputs")
            weights = torch.zeros_like(outputs, requires_grad=True)
            pulled = torch.autograd.grad(outputs, leaves, weights, create_graph=True, allow_unused=True)
        return GaussNewton(leaves, outputs, slope, weights, pulled)

    def gauss_newton_form(self, theta: Theta, vector: Theta) -> float:
        """Return vᵀ G v for the Gauss–Newton matrix G at `theta` and a vector v. Raises `CurvatureUnavailable`."""
        return self.gauss_newton(theta).form(vector)


@dataclass(frozen=True)
class GaussNewton:
    """The Gauss–Newton matrix Jᵀ H J of a loss of a network's outputs (Schraudolph 2002).

    J is the Jacobian of the outputs with respect to the parameters, H the Hessian of the loss with respect to the
    outputs. The second derivatives of the outputs, and terms such as a weight penalty, are not included.

    Parameters
    ----------
    leaves : list of torch.Tensor
        The parameters, as leaves of the autograd graph.
    outputs : torch.Tensor
        The outputs of the network.
    slope : torch.Tensor
        The gradient of the loss with respect to the outputs.
    weights : torch.Tensor
        The auxiliary vector u with the shape of the outputs, for derivatives with respect to u.
    pulled : tuple of torch.Tensor or None
        Jᵀu for the Jacobian J of the outputs. It is linear in u.
    """

    leaves: list[Tensor]
    outputs: Tensor
    slope: Tensor  # gradient of the loss with respect to the outputs
    weights: Tensor  # auxiliary vector u with the shape of the outputs, for derivatives with respect to u
    pulled: tuple[Tensor | None, ...]  # Jᵀu for the Jacobian J of the outputs; it is linear in u

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return the Gauss–Newton matrix times a vector, as a list with a single product."""
        along_outputs = self._times_output_hessian(self._times_jacobian(vector))
        found = self._weighted_derivative([self.outputs], self.leaves, [along_outputs])
        return [tuple(torch.zeros_like(t) if f is None else f for t, f in zip(self.leaves, found))]

    def form(self, vector: Theta) -> float:
        """Return the quadratic form vᵀ G v for this Gauss–Newton matrix G and a vector v."""
        change = self._times_jacobian(vector)
        return float((self._times_output_hessian(change) * change).sum(dtype=torch.float64))

    def _times_jacobian(self, vector: Theta) -> Tensor:
        """Return the Jacobian of the outputs times a vector of parameters, in the shape of the outputs."""
        pairs = [(p, v) for p, v in zip(self.pulled, vector) if p is not None and p.requires_grad]
        (found,) = self._weighted_derivative([p for p, _ in pairs], [self.weights], [v for _, v in pairs])
        return torch.zeros_like(self.outputs) if found is None else found

    def _times_output_hessian(self, change: Tensor) -> Tensor:
        """Return the Hessian of the loss with respect to the outputs times a change of the outputs."""
        if not self.slope.requires_grad:
            return torch.zeros_like(change)  # The loss is linear in the outputs, so its Hessian is 0.
        (found,) = self._weighted_derivative([self.slope], [self.outputs], [change])
        return torch.zeros_like(change) if found is None else found

    @staticmethod
    def _weighted_derivative(of: list[Tensor], by: list[Tensor], along: list[Tensor]) -> tuple[Tensor | None, ...]:
        """Return the gradient with respect to the tensors `by` of the inner product of the tensors `of` and `along`."""
        try:
            return torch.autograd.grad(of, by, along, retain_graph=True, allow_unused=True)
        except (RuntimeError, NotImplementedError) as error:
            raise CurvatureUnavailable(first_line(error)) from None


@dataclass(frozen=True)
class LossOfOutputs(Loss):
    """A loss whose parts also return the network's outputs, so that it has a Gauss–Newton matrix.

    Parameters
    ----------
    parts : tuple of callable
        Functions that return a differentiable scalar for a list of tensors with the parameters' shapes.
    judged : tuple of Judged
        The same parts, with the network's outputs.
    held : int
        The largest number of parts whose autograd graphs are stored for Hessian-vector products.
    """

    judged: tuple[Judged, ...]

    @classmethod
    def of(cls, judged: Sequence[Judged], held: int = HELD) -> "LossOfOutputs":
        """Return the loss that is the mean of several parts, each with its network outputs. `held`: see `Loss`."""
        return cls(tuple(part.cost for part in judged), tuple(judged), held=held)

    def gauss_newton(self, theta: Theta) -> Hessian:
        """Return the mean of the Gauss–Newton matrices of all parts at `theta`. Raises `CurvatureUnavailable`."""
        return mean_hessian(self.judged, lambda part: part.gauss_newton(theta), self.held)
