"""The hidden layers of any network, told from its recorded calls: which parameters their units are made and read by.

Units may be put into another order where every call treats them alike. Residual streams are one layer, with all that
writes to it and reads it; what takes units apart (heads of attention, gates) is left out with the reason.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.hidden.groups import Group
from descend.doctor.probes.hidden.layers import LAYERS, attention, layer, recurrent
from descend.doctor.probes.hidden.passing import RULES
from descend.doctor.probes.hidden.step import Known, Step
from descend.doctor.probes.loss_call import loss_call
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.vocabulary import LOSSES, RECURRENT
from descend.landscape.hidden import Axis, Hidden


@dataclass(frozen=True)
class HiddenLayer:
    """A layer whose units may be in any order. weight: the number of the parameter that makes them; None for several.

    activations: the names of what they go through, `relu` for any rectifier.
    """

    hidden: Hidden
    weight: int | None
    activations: frozenset[str]


@dataclass(frozen=True)
class Structure:
    """A network's parameters, its hidden layers, and those that are left out, by the number of their weight.

    output: the numbers of the parameters that make what the loss judges.
    """

    parameters: tuple[Tensor, ...]
    layers: tuple[HiddenLayer, ...]
    output: tuple[int, ...]
    left_out: tuple[tuple[int | None, str], ...]


def structure(recording: Recording) -> Structure:
    """Return the hidden layers of the network in a recording. Raises `Stale`."""
    known = Known(recording)
    with torch.no_grad():
        recording.run({}, watch=lambda op, args, kwargs, result: _follow(known, op, args, kwargs, result))
    call = loss_call(recording)
    judged = [] if call is None else [call.prediction, *(call.activation.inputs[:1] if call.activation else ())]
    for slot in judged:
        for units in known.units.get(slot, {}).values():
            units.group.root.is_output = True
    numbers = {slot: number for number, slot in enumerate(recording.parameters)}
    groups = [group for group in known.groups.roots() if group.count > 1]
    hidden = [group for group in groups if not group.is_output]
    return Structure(
        tuple(recording.parameters.values()),
        tuple(_layer(group, numbers) for group in hidden if not group.reason),
        tuple(sorted({numbers[slot] for group in groups if group.is_output for slot, _ in group.scale})),
        tuple((_number(group, numbers), group.reason) for group in hidden if group.reason),
    )


def _follow(known: Known, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
    step = Step(known, op, args, kwargs, result)
    if step.follow_parameter() or not op.inputs:
        return
    if op.name in LAYERS:
        layer(step)
    elif op.name == "multi_head_attention_forward":
        attention(step)
    elif op.name in RECURRENT:
        recurrent(step)
    elif step.held():
        _pass(step)


def _pass(step: Step) -> None:
    rule = next((rule for names, rule in RULES if step.name in names), None)
    if rule is not None:
        rule(step)
    elif step.name in LOSSES:
        for _, _, units in step.held():
            units.group.root.is_output = True
    else:
        step.refuse(f"they go into {step.name.strip('_')}")


def _layer(group: Group, numbers: dict[int, int]) -> HiddenLayer:
    def axes(places: dict[tuple[int, int], int]) -> tuple[Axis, ...]:
        return tuple(Axis(numbers[slot], axis, block) for (slot, axis), block in places.items())

    is_free = group.is_proportional and bool(group.scale) and bool(group.readers)
    scaled = (axes(group.scale), axes(group.readers)) if is_free else ((), ())
    return HiddenLayer(
        Hidden(group.count, axes(group.places), *scaled), _number(group, numbers), frozenset(group.activations)
    )


def _number(group: Group, numbers: dict[int, int]) -> int | None:
    return None if group.maker is None else numbers[group.maker]
