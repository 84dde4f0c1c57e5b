"""Compute the loss of a model on some batches, as a function of its parameters.

The model is not changed: normalisation layers update copies of its buffers. Each batch has its own dropout seed, which
is the same at each evaluation.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from descend.landscape.loss import Theta
from descend.landscape.outputs import Judged, LossOfOutputs


def loss_of(
    model: nn.Module, function: Callable[[Any, Any], Tensor], batches: Iterable[Sequence[Any]]
) -> LossOfOutputs:
    """Return the loss of a model, the mean of `function(model(inputs), targets)` over all examples, as a `Loss`.

    The loss is a function of the tensors that `trained(model)` returns, in the model's current mode. Raises
    `ValueError` if there is no batch or no trained parameter.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    function : callable
        Returns the mean loss of outputs and targets.
    batches : iterable
        Pairs of inputs and targets, each of shape ``(examples, ...)``.

    Returns
    -------
    LossOfOutputs
        The loss. Each batch is one part.

    Examples
    --------
    >>> loss = loss_of(model, nn.functional.cross_entropy, loader)
    >>> found = ends(loss.hessian(trained(model)), trained(model))
    """
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    given = [tuple(batch) for batch in batches]
    if not names or not given:
        raise ValueError(f"a loss needs at least 1 trained parameter and 1 batch, not {len(names)} and {len(given)}")
    sizes = [len(targets) for _, targets in given]
    mean = sum(sizes) / len(sizes)

    def batch_loss(number: int) -> Judged:
        """Return the part of the loss that one batch, given by its number, contributes."""
        inputs, targets = given[number]

        def evaluate(theta: Theta) -> tuple[Tensor, Tensor]:
            """Return the outputs of the model for a batch, and the loss of the batch, weighted by its size."""
            buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
            with torch.random.fork_rng():
                torch.manual_seed(number)
                outputs = functional_call(model, {**dict(zip(names, theta)), **buffers}, (inputs,))
            return outputs, function(outputs, targets) * (sizes[number] / mean)

        return Judged(evaluate)

    return LossOfOutputs.of([batch_loss(number) for number in range(len(given))])


def trained(model: nn.Module) -> list[Tensor]:
    """Return the detached parameters of a model that require gradients, in the order of `model.parameters()`.

    Parameters
    ----------
    model : torch.nn.Module
        The model.

    Returns
    -------
    list of torch.Tensor
        The parameters, which share their memory with the model's.
    """
    return [p.detach() for p in model.parameters() if p.requires_grad]
