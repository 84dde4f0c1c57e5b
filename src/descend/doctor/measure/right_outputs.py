"""The outputs of a perfect network: those that minimise the training loss for given targets."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from descend.doctor.measure.loss_call import LossCall, class_dim
from descend.doctor.measure.replay import run_without_graph, with_data
from descend.doctor.record.task import Task
from descend.doctor.tape import Op, Recording

SURE = 10.0  # logit of the right class; at this size, the other classes change only the sixth digit


def keeps_order(trained: Recording, producer: Op, call: LossCall) -> bool:
    """Return whether the predictions that the loss receives have the values of the outputs in the same order."""
    slot, asked = producer.outputs[0], call.activation.inputs[0] if call.activation else call.prediction
    if slot is None or slot == asked:
        return slot is not None
    numbers: list[Tensor] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Replace the outputs by their numbers."""
        if op is producer:
            numbers.append(torch.arange(result.numel()).to(result).view(result.shape))

    run_without_graph(trained, watch)
    with torch.no_grad():
        reached = with_data(replace(trained, root=asked), slot, numbers[0]).run({})
    return torch.equal(reached.flatten(), numbers[0].flatten())


def find_class_dimension(trained: Recording, producer: Op, call: LossCall) -> int | None:
    """Return the class dimension of the network's outputs, found by replaying the loss with 0, 1, 2, … as outputs."""
    slot, seen, shapes = producer.outputs[0], [], []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the shape of the outputs, and the prediction that the loss call receives."""
        if op is producer:
            shapes.append(result.shape)
        if op is call.op:
            seen.append(call.pair(args, kwargs)[0])

    run_without_graph(trained, watch)
    if slot is None or not shapes or not seen:
        return None
    asked = call.activation.inputs[0] if call.activation else call.prediction
    for axis, size in enumerate(shapes[0]):
        ramp = torch.arange(size).to(seen[0])
        given = ramp.view([-1 if i == axis else 1 for i in range(len(shapes[0]))]).expand(shapes[0]).contiguous()
        cut = with_data(replace(trained, root=asked), slot, given)
        with torch.no_grad():
            reached = given if slot == asked else cut.run({})
        along = class_dim(reached)
        expected = ramp.view([-1 if i == along else 1 for i in range(reached.ndim)])
        if reached.shape[along] == size and torch.equal(reached, expected.expand(reached.shape)):
            return axis
    return None


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
