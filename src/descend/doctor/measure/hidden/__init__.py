"""The hidden layers of any network, found from its recorded calls: which parameters compute and read their units.

Units can be permuted if every call treats them alike. A residual stream counts as one layer, with everything that
writes to it and reads it. A layer whose units are split, as by attention heads and gates, is excluded with a reason.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.hidden.groups import Group
from descend.doctor.measure.hidden.layers import LAYERS, exclude_recurrent, follow_attention, follow_layer
from descend.doctor.measure.hidden.propagation import RULES
from descend.doctor.measure.hidden.step import Analysis, Step
from descend.doctor.measure.loss_call import loss_call
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.vocabulary import LOSSES, RECURRENT
from descend.landscape.hidden import Axis, Hidden


@dataclass(frozen=True)
class HiddenLayer:
    """A hidden layer whose units can be permuted without a change of the network's function.

    `weight` is the number of the parameter that computes them; None if several parameters do. `activations` holds the
    names of their activations, `relu` for any rectifier.
    """

    hidden: Hidden
    weight: int | None
    activations: frozenset[str]


@dataclass(frozen=True)
class Structure:
    """A network's parameters, its hidden layers with permutable units, and why its other layers are excluded.

    `output` holds the numbers of the parameters that compute the network's output.
    """

    parameters: tuple[Tensor, ...]
    layers: tuple[HiddenLayer, ...]
    output: tuple[int, ...]
    left_out: tuple[tuple[int | None, str], ...]


def structure(recording: Recording) -> Structure:
    """Return the hidden layers of the network in a recording. Raises `StaleData`."""
    analysis = Analysis(recording)
    with torch.no_grad():
        recording.run({}, watch=lambda op, args, kwargs, result: _follow_call(analysis, op, args, kwargs, result))
    call = loss_call(recording)
    judged = [] if call is None else [call.prediction, *(call.activation.inputs[:1] if call.activation else ())]
    for slot in judged:
        for units in analysis.units.get(slot, {}).values():
            units.group.root.is_output = True
    numbers = {slot: number for number, slot in enumerate(recording.parameters)}
    groups = [group for group in analysis.groups.roots() if group.count > 1]
    hidden = [group for group in groups if not group.is_output]
    return Structure(
        tuple(recording.parameters.values()),
        tuple(_hidden_layer(group, numbers) for group in hidden if not group.reason),
        tuple(sorted({numbers[slot] for group in groups if group.is_output for slot, _ in group.scale})),
        tuple((_weight_number(group, numbers), group.reason) for group in hidden if group.reason),
    )


def _follow_call(analysis: Analysis, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
    """Update the analysis of hidden units: trace the units through one recorded call."""
    step = Step(analysis, op, args, kwargs, result)
    if step.follow_parameter() or not op.inputs:
        return
    if op.name in LAYERS:
        follow_layer(step)
    elif op.name == "multi_head_attention_forward":
        follow_attention(step)
    elif op.name in RECURRENT:
        exclude_recurrent(step)
    elif step.input_units():
        _follow_other_call(step)


def _follow_other_call(step: Step) -> None:
    """Trace hidden units through a call that is not a layer; exclude the units if the call is unknown."""
    rule = next((rule for names, rule in RULES if step.name in names), None)
    if rule is not None:
        rule(step)
    elif step.name in LOSSES:
        for _, _, units in step.input_units():
            units.group.root.is_output = True
    else:
        step.exclude(f"the units are passed to {step.name.strip('_')}")


def _hidden_layer(group: Group, numbers: dict[int, int]) -> HiddenLayer:
    """Convert a group of units to a hidden layer, which identifies parameters by number, not by recording id."""

    def axes(places: dict[tuple[int, int], int]) -> tuple[Axis, ...]:
        """Convert axes of parameters: replace each parameter's id in the recording by its number."""
        return tuple(Axis(numbers[slot], axis, block) for (slot, axis), block in places.items())

    is_free = group.is_proportional and bool(group.scale) and bool(group.readers)
    scaled = (axes(group.scale), axes(group.readers)) if is_free else ((), ())
    return HiddenLayer(
        Hidden(group.count, axes(group.places), *scaled), _weight_number(group, numbers), frozenset(group.activations)
    )


def _weight_number(group: Group, numbers: dict[int, int]) -> int | None:
    """Return the number of the weight that computes a group's units; None if that is not a parameter."""
    return None if group.maker is None else numbers[group.maker]
