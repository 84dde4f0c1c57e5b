"""A loss as a function of the parameters: its value, its gradient and its Hessian times a vector.

The Hessian is never formed: H v is the gradient of (g · v), one more backward pass (Pearlmutter 1994).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from descend.landscape.graph import custom_function, has_undifferentiable_node

Theta = Sequence[Tensor]
Evaluate = Callable[[Theta], Tensor]
Part = TypeVar("Part")
HELD = 8  # By default, the autograd graphs of up to this many parts are stored; otherwise each product recomputes them.


class CurvatureUnavailable(Exception):
    """The loss cannot be differentiated twice; the message names the operation or parameter that prevents it."""


class Hessian(Protocol):
    """The matrix of second derivatives H at one point, given only by its products with vectors."""

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return H_k v for each part k of the loss; H v is their mean. Raises `CurvatureUnavailable`."""
        ...


@dataclass(frozen=True)
class Loss:
    """The mean of several functions of the parameters, such as the losses of a network on several batches.

    Parameters
    ----------
    parts : tuple of callable
        Functions that return a differentiable scalar for a list of tensors with the parameters' shapes.
    held : int
        The largest number of parts whose autograd graphs are stored for Hessian-vector products.
    """

    parts: tuple[Evaluate, ...]
    held: int = field(default=HELD, kw_only=True)

    def value(self, theta: Theta) -> float:
        """Return the loss at `theta`."""
        with torch.no_grad():
            at = [t.detach() for t in theta]
            return sum(float(part(at)) for part in self.parts) / len(self.parts)

    def gradient(self, theta: Theta) -> tuple[Tensor, ...]:
        """Return the gradient at `theta`, one tensor for each parameter; zeros for parameters the loss does not use."""
        gradients = [_part_gradient(part, leaves_at(theta)) for part in self.parts]
        return gradients[0] if len(gradients) == 1 else tuple(torch.stack(same).mean(0) for same in zip(*gradients))

    def hessian(self, theta: Theta) -> "Hessian":
        """Return the Hessian at `theta`. Raises `CurvatureUnavailable` if the loss has no second derivative."""
        return mean_hessian(self.parts, lambda part: _part_hessian(part, leaves_at(theta)), self.held)


def mean_hessian(parts: Sequence[Part], matrix: Callable[[Part], Hessian], held: int = HELD) -> Hessian:
    """Return the mean of the Hessians of all parts of a loss. `matrix` computes the Hessian of one part.

    held: largest number of parts whose autograd graphs are stored.
    """
    if len(parts) > held:
        return _MeanOfRecomputed(parts, matrix)
    stored = tuple(map(matrix, parts))
    return stored[0] if len(stored) == 1 else _MeanOfStored(stored)


def derivatives(loss: Tensor, leaves: Theta) -> tuple[tuple[Tensor, ...], Hessian]:
    """Return the gradient and the Hessian of a loss with respect to the leaf tensors of its autograd graph.

    Parameters
    ----------
    loss : torch.Tensor
        The loss, of shape (), with its autograd graph.
    leaves : sequence of torch.Tensor
        The leaf tensors of the graph.

    Returns
    -------
    tuple
        The gradient, a tuple of tensors with the shapes of the leaves, and the Hessian.

    Raises
    ------
    CurvatureUnavailable
        If a backward pass cannot be differentiated again.
    """
    if any(t.is_complex() for t in leaves):
        raise CurvatureUnavailable("a parameter is complex, and curvature is only computed for real parameters")
    if custom := custom_function(loss):
        raise CurvatureUnavailable(f"the custom autograd.Function {custom} may hide its second derivative")
    with torch.enable_grad():
        try:
            grads = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
        except (RuntimeError, NotImplementedError) as error:
            raise CurvatureUnavailable(first_line(error)) from None
    gradient = tuple(torch.zeros_like(t) if g is None else g.detach() for t, g in zip(leaves, grads))
    return gradient, _GraphHessian(list(leaves), _differentiable(grads))


@dataclass(frozen=True)
class _GraphHessian:
    """The Hessian of one loss, computed by differentiating the autograd graph of its gradient."""

    leaves: list[Tensor]
    grads: tuple[Tensor | None, ...]  # gradient of each parameter; None if it is constant

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return the Hessian times a vector, as a list with a single product."""
        curved = [(g, v) for g, v in zip(self.grads, vector) if g is not None]
        try:
            seconds = torch.autograd.grad(
                [g for g, _ in curved],
                self.leaves,
                [v for _, v in curved],
                retain_graph=True,
                allow_unused=True,
            )
        except (RuntimeError, NotImplementedError) as error:
            raise CurvatureUnavailable(first_line(error)) from None
        # No part of the graph is missing, so the second derivative by a parameter outside it is 0.
        return [tuple(torch.zeros_like(t) if s is None else s for t, s in zip(self.leaves, seconds))]


@dataclass(frozen=True)
class _MeanOfStored:
    """The mean of the Hessians of several parts of a loss, whose autograd graphs are stored."""

    parts: tuple[Hessian, ...]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return the Hessian-vector product of each part of the loss."""
        return [part.products(vector)[0] for part in self.parts]


@dataclass(frozen=True)
class _MeanOfRecomputed:
    """The mean of the Hessians of several parts of a loss. Each product recomputes their graphs, one at a time."""

    parts: Sequence[Any]
    matrix: Callable[[Any], Hessian]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return the Hessian-vector product of each part of the loss."""
        return [self.matrix(part).products(vector)[0] for part in self.parts]


def _part_gradient(part: Evaluate, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """Return the gradient of one part of the loss with respect to the leaf tensors."""
    with torch.enable_grad():
        loss = part(leaves)
        grads = torch.autograd.grad(loss, leaves, allow_unused=True) if loss.requires_grad else [None] * len(leaves)
    return tuple(torch.zeros_like(t) if g is None else g for t, g in zip(leaves, grads))


def _part_hessian(part: Evaluate, leaves: list[Tensor]) -> "Hessian":
    """Return the Hessian of one part of the loss at the leaf tensors. Raises `CurvatureUnavailable`."""
    with torch.enable_grad():
        try:
            loss = part(leaves)
        except (RuntimeError, NotImplementedError) as error:
            raise CurvatureUnavailable(first_line(error)) from None
    return derivatives(loss, leaves)[1]


def _differentiable(grads: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """Return the gradients of the parameters, with None in place of gradients that are constant.

    Raises `CurvatureUnavailable` if all are constant, or a backward pass cannot be differentiated again.
    """
    curved = [g for g in grads if g is not None and g.requires_grad]
    if not curved:
        raise CurvatureUnavailable(
            "the gradient is constant, so the loss is linear or piecewise constant and has no curvature"
        )
    if has_undifferentiable_node(curved):
        raise CurvatureUnavailable("the loss uses an operation that is marked as differentiable only once")
    return tuple(g if g is not None and g.requires_grad else None for g in grads)


def leaves_at(theta: Theta) -> list[Tensor]:
    """Return the parameters as new leaf tensors that require gradients and share the memory of `theta`."""
    return [t.detach().requires_grad_() for t in theta]


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its class name if the message is empty."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
