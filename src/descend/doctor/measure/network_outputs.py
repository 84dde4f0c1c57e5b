"""The network's outputs in a recording, before the output activation, and the loss as a function of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import LossCall, class_dim, ignored_class, loss_call
from descend.doctor.measure.messages import no_loss_call_message
from descend.doctor.measure.replay import with_data
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.record.task import Task
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.vocabulary import ACTIVATIONS
from descend.landscape import Loss
from descend.landscape.loss import Theta
from descend.landscape.outputs import Judged


def require_loss_call(recording: Recording) -> LossCall:
    """Return the loss call of a recording. Raises `Unavailable` if the recording has no loss call or several."""
    call = loss_call(recording)
    if call is None:
        raise Unavailable(no_loss_call_message(recording))
    return call


def _output_call(call: LossCall) -> tuple[Op, int]:
    """Return the call that takes the network's outputs (the output activation or the loss), and the outputs' id."""
    return (call.op, call.prediction) if call.activation is None else (call.activation, call.activation.inputs[0])


def outputs_and_loss(recording: Recording, slots: Sequence[int | None]) -> Judged:
    """Return the network's outputs and the loss as functions of the parameters. Raises `Unavailable`."""
    taken, slot = _output_call(require_loss_call(recording))

    def evaluate(theta: Theta) -> tuple[Tensor, Tensor]:
        """Return the network's outputs and the loss at the parameters `theta`."""
        caught: list[Tensor] = []

        def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
            """Store the network's outputs."""
            if op is taken:
                tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
                caught.append(tensors[op.inputs.index(slot)])

        cost = recording.run(_parameters_by_id(slots, theta), watch=watch)
        return caught[0], cost

    return Judged(evaluate)


def loss_of_outputs(recording: Recording) -> Loss:
    """Return the loss as a function of the outputs alone, at the present parameters. Raises `Unavailable`."""
    _, slot = _output_call(require_loss_call(recording))
    given = with_data(recording, slot, torch.zeros(()))
    return Loss((lambda theta: given.run({slot: theta[0]}),))


def error_rate(recording: Recording, slots: Sequence[int | None], theta: Theta) -> float:
    """Return the classification error at the parameters `theta`. Raises `Unavailable` for targets without classes."""
    call = require_loss_call(recording)
    found: list[Tensor] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store which targets are classified wrongly."""
        if op is call.op:
            found.append(_is_wrong(call, *call.pair(args, kwargs)))

    with torch.no_grad():
        recording.run(_parameters_by_id(slots, theta), watch=watch)
    return float(found[0].double().mean())


def _is_wrong(call: LossCall, prediction: Tensor, target: Tensor) -> Tensor:
    """Return, for each target, whether the prediction for it is wrong."""
    if call.task == Task.CLASSES and not target.is_floating_point():
        counted = target != ignored_class(call)
        return (prediction.argmax(class_dim(prediction)) != target)[counted]
    if call.task == Task.BINARY:
        half = 0.0 if call.function.endswith("logits") else 0.5
        return (prediction > half) != (target > 0.5)
    raise Unavailable("the targets are not class labels, so the 0–1 loss is undefined")


def with_hard_thresholds(recording: Recording) -> Recording:
    """Return the recording with hard thresholds in place of its hidden activations.

    Raises `Unavailable` if there is no hidden activation.
    """
    call = loss_call(recording)
    kept = None if call is None else call.activation
    if not any(op.name in ACTIVATIONS and op is not kept for op in recording.ops):
        raise Unavailable("no hidden unit has an activation")
    ops = [replace(op, func=_heaviside) if op.name in ACTIVATIONS and op is not kept else op for op in recording.ops]
    return replace(recording, ops=tuple(ops))


def _heaviside(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return 1 for positive values, otherwise 0; replaces an activation function, whose other arguments are ignored."""
    return (x > 0).to(x.dtype)


def _parameters_by_id(slots: Sequence[int | None], theta: Theta) -> Mapping[int, Tensor]:
    """Return the tensors `theta` by the id of each parameter in the recording; skip parameters without an id."""
    return {slot: tensor for slot, tensor in zip(slots, theta) if slot is not None}
