"""The outputs of a perfect network: those that minimise the training loss for given targets."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from descend.doctor.measure.loss_call import LossCall, class_dim
from descend.doctor.measure.replay import run_without_graph, with_data
from descend.doctor.record.task import Task
from descend.doctor.tape import Op, Recording

SURE = 10.0  # logit of the right class; at this size, the other classes change only the sixth digit


@dataclass(frozen=True)
class OutputNumbers:
    """Which of the network's outputs is where in the prediction that the loss receives."""

    reached: Tensor  # the number of each output, as far as the loss receives it
    shape: torch.Size  # the shape of the network's outputs

    @property
    def are_in_order(self) -> bool:
        """Return whether the loss receives all outputs in their own order."""
        return torch.equal(self.reached.flatten(), torch.arange(self.shape.numel()).to(self.reached))

    @property
    def class_dimension(self) -> int | None:
        """Return the dimension of the outputs with one entry for each class; None if the loss reads none as classes."""
        along = class_dim(self.reached)
        for axis, size in enumerate(self.shape):
            stride = self.shape[axis + 1 :].numel()
            if self.reached.shape[along] == size and bool((self.reached.diff(dim=along) == stride).all()):
                return axis
        return None


def number_outputs(trained: Recording, producer: Op, call: LossCall) -> OutputNumbers | None:
    """Replay the calls between the network and the loss with 0, 1, 2, … as outputs; None if the outputs are unknown."""
    slot, asked = producer.outputs[0], call.activation.inputs[0] if call.activation else call.prediction
    numbers: list[Tensor] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Put numbers in the place of the outputs."""
        if op is producer:
            numbers.append(torch.arange(result.numel()).to(result).view(result.shape))

    run_without_graph(trained, watch)
    if slot is None or not numbers:
        return None
    with torch.no_grad():
        reached = numbers[0] if slot == asked else with_data(replace(trained, root=asked), slot, numbers[0]).run({})
    return OutputNumbers(reached, numbers[0].shape)


def right_outputs(targets: Tensor, shape: torch.Size, call: LossCall, axis: int | None) -> Tensor | None:
    """Return the outputs of a perfect network, or None if they are unknown or equal for all examples."""
    if call.task == Task.CLASSES:
        if axis is None:
            return None
        rest = [size for i, size in enumerate(shape) if i != axis]
        classes = targets.long().reshape(rest)
        if not (0 <= int(classes.min()) and int(classes.max()) < shape[axis]):
            return None
        right = SURE * one_hot(classes, shape[axis]).movedim(-1, axis).to(torch.get_default_dtype())
    else:
        right = targets.reshape(shape).to(torch.get_default_dtype())
        if call.task == Task.BINARY and (call.function.endswith("logits") or call.activation is not None):
            right = SURE * (2 * right - 1)
    return None if bool((right == right[:1]).all()) else right
