"""The loss of a model on some batches, as a function of its parameters.

The model stays as it is: what normalisation gathers goes into copies of its buffers, and what dropout draws comes from
a seed, the same at each evaluation and for each batch another one.
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
    """Return the mean over all examples of `function(model(inputs), targets)`, in the mode that the model is in.

    Its parameters are those that `trained(model)` lists. Raises `ValueError` where there is no batch or parameter.

    >>> loss = loss_of(model, nn.functional.cross_entropy, loader)
    >>> found = ends(loss.hessian(trained(model)), trained(model))
    """
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    given = [tuple(batch) for batch in batches]
    if not names or not given:
        raise ValueError(f"a loss needs a trained parameter and a batch; there are {len(names)} and {len(given)}")
    sizes = [len(targets) for _, targets in given]
    mean = sum(sizes) / len(sizes)

    def part(number: int) -> Judged:
        inputs, targets = given[number]

        def evaluate(theta: Theta) -> tuple[Tensor, Tensor]:
            buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
            with torch.random.fork_rng():
                torch.manual_seed(number)
                outputs = functional_call(model, {**dict(zip(names, theta)), **buffers}, (inputs,))
            return outputs, function(outputs, targets) * (sizes[number] / mean)

        return Judged(evaluate)

    return LossOfOutputs.of([part(number) for number in range(len(given))])


def trained(model: nn.Module) -> list[Tensor]:
    """Return the parameters that are trained, in the order of `model.parameters()`."""
    return [p.detach() for p in model.parameters() if p.requires_grad]
