"""What the loss judges: the network's outputs in a recording, before their own activation, and the cost of those."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.feeding import fed
from descend.doctor.probes.loss_call import LossCall, class_dim, ignored_class, loss_call
from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.probes.unread import unread
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.vocabulary import ACTIVATIONS
from descend.landscape import Loss
from descend.landscape.loss import Theta
from descend.landscape.outputs import Judged


def call_of(recording: Recording) -> LossCall:
    """Return the loss call. Raises `Unavailable` where there is none, or several."""
    call = loss_call(recording)
    if call is None:
        raise Unavailable(unread(recording))
    return call


def _judged_by(call: LossCall) -> tuple[Op, int]:
    """Return the call that takes the outputs, and their slot: the loss, or the outputs' own activation before it."""
    return (call.op, call.prediction) if call.activation is None else (call.activation, call.activation.inputs[0])


def judged(recording: Recording, slots: Sequence[int | None]) -> Judged:
    """Return the outputs and the cost as functions of the parameters in those slots. Raises `Unavailable`."""
    taken, slot = _judged_by(call_of(recording))

    def evaluate(theta: Theta) -> tuple[Tensor, Tensor]:
        caught: list[Tensor] = []

        def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
            if op is taken:
                tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
                caught.append(tensors[op.inputs.index(slot)])

        cost = recording.run(_by_slot(slots, theta), watch=watch)
        return caught[0], cost

    return Judged(evaluate)


def cost_of_outputs(recording: Recording) -> Loss:
    """Return the cost as a function of the outputs alone, the parameters as they are. Raises `Unavailable`."""
    _, slot = _judged_by(call_of(recording))
    given = fed(recording, slot, torch.zeros(()))
    return Loss((lambda theta: given.run({slot: theta[0]}),))


def share_wrong(recording: Recording, slots: Sequence[int | None], theta: Theta) -> float:
    """Return the share of the examples on the wrong side: the 0–1 loss. Raises `Unavailable` where none is defined."""
    call = call_of(recording)
    found: list[Tensor] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if op is call.op:
            found.append(_wrong(call, *call.pair(args, kwargs)))

    with torch.no_grad():
        recording.run(_by_slot(slots, theta), watch=watch)
    return float(found[0].double().mean())


def _wrong(call: LossCall, prediction: Tensor, target: Tensor) -> Tensor:
    if call.task == "classes" and not target.is_floating_point():
        counted = target != ignored_class(call)
        return (prediction.argmax(class_dim(prediction)) != target)[counted]
    if call.task == "binary":
        half = 0.0 if call.function.endswith("logits") else 0.5
        return (prediction > half) != (target > 0.5)
    raise Unavailable("the targets are no classes, and the 0–1 loss is of classes")


def hardened(recording: Recording) -> Recording:
    """Return the recording with hard thresholds for its activations, but for that of the outputs.

    Raises `Unavailable` where there is no hidden activation.
    """
    call = loss_call(recording)
    kept = None if call is None else call.activation
    if not any(op.name in ACTIVATIONS and op is not kept for op in recording.ops):
        raise Unavailable("no hidden unit has an activation")
    ops = [replace(op, func=_step) if op.name in ACTIVATIONS and op is not kept else op for op in recording.ops]
    return replace(recording, ops=tuple(ops))


def _step(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return (x > 0).to(x.dtype)


def _by_slot(slots: Sequence[int | None], theta: Theta) -> Mapping[int, Tensor]:
    return {slot: tensor for slot, tensor in zip(slots, theta) if slot is not None}
