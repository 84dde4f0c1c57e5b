"""Compute the gradients of the single examples, or batches, of a loss at one point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from descend.landscape.loss import Loss, Theta
from descend.landscape.model import loss_of, trained
from descend.landscape.vectors import flat

ROWS_BYTES = 2**29  # largest memory for all gradients, in bytes
CHUNK_BYTES = 2**26  # largest memory for the gradients that are computed at once, in bytes
CHECKED = 8  # number of examples used to check that the loss function returns a mean


@dataclass(frozen=True)
class Gradients:
    """Gradients of a loss at the same parameters, each averaged over the same number of `examples`.

    Parameters
    ----------
    rows : torch.Tensor
        The gradients, of shape ``(gradients, parameters)``.
    examples : int
        The number of examples of which each gradient is the mean.

    Raises
    ------
    ValueError
        If there are fewer than two gradients, or a gradient is not finite.
    """

    rows: Tensor
    examples: int = 1

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or len(self.rows) < 2 or self.examples < 1:
            shape = tuple(self.rows.shape)
            raise ValueError(
                "there must be at least two gradients, each averaged over at least one example; "
                f"here, the shape of `rows` is {shape} and `examples` is {self.examples}"
            )
        if not bool(torch.isfinite(self.rows).all()):
            raise ValueError("a gradient is not finite, so its variance is not defined")

    @property
    def count(self) -> int:
        """Return the number of gradients."""
        return len(self.rows)

    @property
    def mean(self) -> Tensor:
        """Return the mean of the gradients, ``(parameters,)``; it is the full gradient if no part is missing."""
        return self.rows.mean(0)

    @cached_property
    def gram(self) -> Tensor:
        """Return the inner products of all pairs of gradients in float64, ``(gradients, gradients)``."""
        return gram(self.rows)

    @cached_property
    def errors(self) -> Tensor:
        """Return the inner products of the deviations of the gradients from their mean, ``(gradients, gradients)``."""
        centred = self.gram - self.gram.mean(0)
        return centred - centred.mean(1, keepdim=True)


def gram(rows: Tensor) -> Tensor:
    """Return the inner products of all pairs of rows ``(n, p)`` as ``(n, n)`` in float64, a few columns at a time."""
    found = torch.zeros(len(rows), len(rows), dtype=torch.float64)
    for columns in rows.split(max(1, CHUNK_BYTES // (8 * len(rows))), dim=1):
        wide = columns.double()
        found += (wide @ wide.T).cpu()
    return found


def part_gradients(loss: Loss, theta: Theta, examples: int = 1) -> Gradients:
    """Return the gradient of each part of the loss at `theta`.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters.
    examples : int
        The number of examples of which each part is the mean.

    Returns
    -------
    Gradients
        One gradient for each part.

    Raises
    ------
    ValueError
        If the gradients need more memory than `ROWS_BYTES`.
    """
    rows = empty_rows(len(loss.parts), theta)
    for row, part in zip(rows, loss.parts):
        row.copy_(flat(Loss((part,)).gradient(theta)))
    return Gradients(rows, examples)


def example_gradients(
    model: nn.Module, function: Callable[[Any, Any], Tensor], inputs: Tensor, targets: Tensor
) -> Gradients:
    """Return the gradient of `function(model(inputs), targets)` for each single example, in the model's current mode.

    `torch.func.vmap` computes them together, or a loop does if the model does not support vmap.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    function : callable
        Returns the mean loss of outputs and targets.
    inputs : torch.Tensor
        The inputs, of shape ``(examples, ...)``.
    targets : torch.Tensor
        The targets, of shape ``(examples, ...)``.

    Returns
    -------
    Gradients
        One gradient for each example.

    Raises
    ------
    ValueError
        If `function` does not return a mean over examples, or batch normalisation makes examples depend on each other.
    """
    if mixing := [name for name, m in model.named_modules() if _uses_batch_statistics(m)]:
        raise ValueError(
            f"{mixing[0]} normalises over the batch, so a single example has no gradient: use gradients of batches, "
            "or call model.eval() first"
        )
    _check_mean(model, function, inputs[:CHECKED], targets[:CHECKED])
    theta = trained(model)
    rows = empty_rows(len(inputs), theta)
    size = max(1, CHUNK_BYTES // (4 * rows.shape[1]))
    each, place = _example_gradient_function(model, function), 0
    try:
        for x, y in zip(inputs.split(size), targets.split(size)):
            with torch.random.fork_rng():
                torch.manual_seed(place)
                found = each(tuple(theta), x, y)
            rows[place : place + len(x)] = torch.cat([g.detach().reshape(len(x), -1) for g in found], 1)
            place += len(x)
    except (RuntimeError, NotImplementedError):
        return part_gradients(loss_of(model, function, zip(inputs.split(1), targets.split(1))), theta)
    return Gradients(rows)


def _example_gradient_function(
    model: nn.Module, function: Callable[[Any, Any], Tensor]
) -> Callable[..., tuple[Tensor, ...]]:
    """Return a function of parameters, inputs and targets that computes the gradient of each example with vmap."""
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}

    def cost(theta: Theta, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of one example as a function of the parameters."""
        outputs = functional_call(model, {**dict(zip(names, theta)), **buffers}, (x.unsqueeze(0),))
        return function(outputs, y.unsqueeze(0))

    return vmap(grad(cost), in_dims=(None, 0, 0), randomness="different")


def _uses_batch_statistics(module: nn.Module) -> bool:
    """Return whether the module is a BatchNorm that normalises by the current batch's own statistics."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm) and (module.training or module.running_mean is None)


def _check_mean(model: nn.Module, function: Callable[[Any, Any], Tensor], inputs: Tensor, targets: Tensor) -> None:
    """Raise `ValueError` if the loss of a batch is not the mean of the losses of its examples."""
    with torch.no_grad(), torch.random.fork_rng():
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        outputs = functional_call(model, buffers, (inputs,))
        of_all = function(outputs, targets)
        mean = torch.stack([function(o, t) for o, t in zip(outputs.split(1), targets.split(1))]).mean()
    if of_all.ndim or not torch.allclose(of_all, mean, rtol=1e-3):
        shown = f"{float(of_all):.4g}" if of_all.ndim == 0 else f"of shape {tuple(of_all.shape)}"
        raise ValueError(
            f"the loss of {len(inputs)} examples is {shown}, but the mean of their single losses is {float(mean):.4g}: "
            "use a loss that is a mean over its examples, such as reduction='mean'"
        )


def empty_rows(count: int, theta: Sequence[Tensor]) -> Tensor:
    """Return an empty tensor for `count` gradients, ``(count, parameters)``. Raises `ValueError` if it is too large."""
    like = flat([t[:0] if t.ndim else t.reshape(1)[:0] for t in theta])
    size = sum(t.numel() for t in theta)
    needed = count * size * like.element_size()
    if needed > ROWS_BYTES:
        most = ROWS_BYTES // (size * like.element_size())
        raise ValueError(
            f"{count} gradients of {size:,} parameters need {needed / 2**20:,.0f} MiB, more than "
            f"the limit of {ROWS_BYTES / 2**20:,.0f} MiB: take at most {most} parts"
        )
    return like.new_empty(count, size)
