"""A loss as a function of the parameters: its value, its gradient and its Hessian times a vector.

The Hessian is never formed: H v is the gradient of (g · v), one more backward pass (Pearlmutter 1994).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Theta = Sequence[Tensor]


class CurvatureUnavailable(Exception):
    """The loss cannot be differentiated twice; the message says which operation or parameter is in the way."""


class Loss(Protocol):
    """A scalar function of a list of parameter tensors."""

    def value(self, theta: Theta) -> float:
        """Return the loss at `theta`."""
        ...

    def gradient(self, theta: Theta) -> tuple[Tensor, ...]:
        """Return the gradient at `theta`, one tensor per parameter."""
        ...

    def hessian(self, theta: Theta) -> "Hessian":
        """Return the Hessian at `theta` as a linear operator."""
        ...


class Hessian(Protocol):
    """The matrix of second derivatives at one point, known by its products."""

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        """Return H v for each part of the loss; H is their mean. Raises `CurvatureUnavailable`."""
        ...


@dataclass(frozen=True)
class SingleLoss:
    """The loss that `evaluate(theta)` computes as a differentiable scalar."""

    evaluate: Callable[[Theta], Tensor]

    def value(self, theta: Theta) -> float:
        """Return the loss at `theta`."""
        with torch.no_grad():
            return float(self.evaluate([t.detach() for t in theta]))

    def gradient(self, theta: Theta) -> tuple[Tensor, ...]:
        """Return the gradient at `theta`; zeros for a parameter that the loss does not reach."""
        leaves = _leaves(theta)
        with torch.enable_grad():
            grads = torch.autograd.grad(self.evaluate(leaves), leaves, allow_unused=True)
        return tuple(torch.zeros_like(t) if g is None else g for t, g in zip(leaves, grads))

    def hessian(self, theta: Theta) -> "_GraphHessian":
        """Return the Hessian at `theta`. Raises `CurvatureUnavailable` where a backward cannot be differentiated."""
        leaves = _leaves(theta)
        with torch.enable_grad():
            try:
                loss = self.evaluate(leaves)
                grads = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
            except (RuntimeError, NotImplementedError) as error:
                raise CurvatureUnavailable(_first_line(error)) from None
        return _GraphHessian(leaves, grads)


@dataclass(frozen=True)
class MeanLoss:
    """The mean of several losses of the same parameters: the cost on several fixed batches."""

    parts: tuple[SingleLoss, ...]

    def value(self, theta: Theta) -> float:
        """Return the mean loss at `theta`."""
        return sum(part.value(theta) for part in self.parts) / len(self.parts)

    def gradient(self, theta: Theta) -> tuple[Tensor, ...]:
        """Return the mean gradient at `theta`."""
        gradients = [part.gradient(theta) for part in self.parts]
        return tuple(torch.stack(same).mean(0) for same in zip(*gradients))

    def hessian(self, theta: Theta) -> "_MeanHessian":
        """Return the mean of the parts' Hessians at `theta`."""
        return _MeanHessian(tuple(part.hessian(theta) for part in self.parts))


@dataclass(frozen=True)
class _GraphHessian:
    leaves: list[Tensor]
    grads: tuple[Tensor | None, ...]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        reached = [(t, g, v) for t, g, v in zip(self.leaves, self.grads, vector) if g is not None]
        if not any(g.requires_grad for _, g, _ in reached):
            raise CurvatureUnavailable("no gradient depends on any parameter: the loss is linear in all of them")
        curved = [(g, v) for _, g, v in reached if g.requires_grad]
        try:
            seconds = torch.autograd.grad(
                [g for g, _ in curved],
                [t for t, _, _ in reached],
                [v for _, v in curved],
                retain_graph=True,
                allow_unused=True,
            )
        except (RuntimeError, NotImplementedError) as error:
            raise CurvatureUnavailable(_first_line(error)) from None
        # An unreached second derivative may be a zero block or a backward that hides its graph: never guess.
        if any(second is None for second in seconds):
            raise CurvatureUnavailable("a backward pass hides its own derivative from autograd")
        found = iter(seconds)
        return [
            tuple(torch.zeros_like(t) if g is None else next(found) for t, g in zip(self.leaves, self.grads))
        ]


@dataclass(frozen=True)
class _MeanHessian:
    parts: tuple[_GraphHessian, ...]

    def products(self, vector: Theta) -> list[tuple[Tensor, ...]]:
        return [part.products(vector)[0] for part in self.parts]


def _leaves(theta: Theta) -> list[Tensor]:
    return [t.detach().requires_grad_() for t in theta]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
