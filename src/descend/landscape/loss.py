"""A loss as a function of the parameters: its value, its gradient and its Hessian times a vector.

The Hessian is never formed: H v is the gradient of (g · v), one more backward pass (Pearlmutter 1994).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from descend.landscape.graph import custom_function, is_cut

Theta = Sequence[Tensor]
Evaluate = Callable[[Theta], Tensor]
Part = TypeVar("Part")
HELD = 8  # parts whose graphs are kept for all products; of more each product makes them anew, one at a time


class CurvatureUnavailable(Exception):
    """The loss cannot be differentiated twice; the message says which operation or parameter is in the way."""


class Hessian(Protocol):
    """The matrix of second derivatives at one point, known by its products."""

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return H v for each part of the loss; H is their mean. Raises `CurvatureUnavailable`."""
        ...


@dataclass(frozen=True)
class Loss:
    """The mean of some scalar functions of a list of parameter tensors: a cost on its batches.

    Each of `parts` computes a differentiable scalar from tensors shaped as the parameters.
    """

    parts: tuple[Evaluate, ...]

    def value(self, theta: Theta) -> float:
        """Return the loss at `theta`."""
        with torch.no_grad():
            at = [t.detach() for t in theta]
            return sum(float(part(at)) for part in self.parts) / len(self.parts)

    def gradient(self, theta: Theta) -> tuple[Tensor, ...]:
        """Return the gradient at `theta`, one tensor for each parameter: zeros where the loss does not reach it."""
        gradients = [_gradient(part, leaves_at(theta)) for part in self.parts]
        return gradients[0] if len(gradients) == 1 else tuple(torch.stack(same).mean(0) for same in zip(*gradients))

    def hessian(self, theta: Theta) -> "Hessian":
        """Return the Hessian at `theta`. Raises `CurvatureUnavailable` where a backward cannot be differentiated."""
        return mean_of(self.parts, lambda part: _hessian(part, leaves_at(theta)))


def mean_of(parts: Sequence[Part], matrix: Callable[[Part], Hessian]) -> Hessian:
    """Return the mean of the parts' matrices, whose graphs are kept where they are few."""
    if len(parts) > HELD:
        return _Recomputed(parts, matrix)
    held = tuple(map(matrix, parts))
    return held[0] if len(held) == 1 else _Mean(held)


def derivatives(loss: Tensor, leaves: Theta) -> tuple[tuple[Tensor, ...], Hessian]:
    """Return gradient and Hessian of a loss that was computed from some leaves.

    Raises `CurvatureUnavailable` where a backward cannot be differentiated again.
    """
    if any(t.is_complex() for t in leaves):
        raise CurvatureUnavailable("a parameter is complex: its curvature is not defined here")
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
    leaves: list[Tensor]
    grads: tuple[Tensor | None, ...]  # None where the gradient is constant

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
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
        # The graph is whole (see `_differentiable`): what it does not reach has a second derivative of zero.
        return [tuple(torch.zeros_like(t) if s is None else s for t, s in zip(self.leaves, seconds))]


@dataclass(frozen=True)
class _Mean:
    parts: tuple[Hessian, ...]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        return [part.products(vector)[0] for part in self.parts]


@dataclass(frozen=True)
class _Recomputed:
    parts: Sequence[Any]
    matrix: Callable[[Any], Hessian]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        return [self.matrix(part).products(vector)[0] for part in self.parts]


def _gradient(part: Evaluate, leaves: list[Tensor]) -> tuple[Tensor, ...]:
    with torch.enable_grad():
        loss = part(leaves)
        grads = torch.autograd.grad(loss, leaves, allow_unused=True) if loss.requires_grad else [None] * len(leaves)
    return tuple(torch.zeros_like(t) if g is None else g for t, g in zip(leaves, grads))


def _hessian(part: Evaluate, leaves: list[Tensor]) -> "Hessian":
    with torch.enable_grad():
        try:
            loss = part(leaves)
        except (RuntimeError, NotImplementedError) as error:
            raise CurvatureUnavailable(first_line(error)) from None
    return derivatives(loss, leaves)[1]


def _differentiable(grads: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """Return the gradients that depend on a parameter. Raises where autograd cannot see how all of them do."""
    curved = [g for g in grads if g is not None and g.requires_grad]
    if not curved:
        raise CurvatureUnavailable(
            "the gradient depends on no parameter: the loss is straight in all of them, or goes in steps; no curvature"
        )
    if is_cut(curved):
        raise CurvatureUnavailable("a backward pass in the loss is marked as not differentiable again")
    return tuple(g if g is not None and g.requires_grad else None for g in grads)


def leaves_at(theta: Theta) -> list[Tensor]:
    """Return the parameters as tensors of their own that gradients are taken by."""
    return [t.detach().requires_grad_() for t in theta]


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
