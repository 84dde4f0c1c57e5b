"""One call of a recording with the analysis of its arguments: hidden units and parameters."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.hidden.groups import Annotation, Group, Groups, Place, Units
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import Slot
from descend.doctor.tape.nesting import leaves

VIEWS = having(Trait.VIEW)
COPIES = having(Trait.COPY)
IN_PLACE = COPIES | {"data", "detach", "detach_"}  # These calls keep the order of the dimensions.


@dataclass
class Analysis:
    """The results of the analysis of hidden units so far, while it goes through the calls of a recording."""

    recording: Recording
    groups: Groups = field(default_factory=Groups)
    units: dict[int, Annotation] = field(default_factory=dict)  # id of a value -> the units along its dimensions
    # id of a parameter's view -> the parameter's axes in the view
    axes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    parameter_of: dict[int, int] = field(default_factory=dict)  # id of a parameter's view -> id of the parameter

    def __post_init__(self) -> None:
        for slot, parameter in self.recording.parameters.items():
            self.axes[slot], self.parameter_of[slot] = tuple(range(parameter.ndim)), slot


class Step:
    """One recorded call with its argument values, its result, and what the analysis has found so far."""

    def __init__(self, analysis: Analysis, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        self.analysis, self.op, self.args, self.kwargs, self.result = analysis, op, args, kwargs, result
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        self.value = dict(zip(op.inputs, tensors))

    @property
    def name(self) -> str:
        """The name of the called function."""
        return self.op.name

    def slot(self, place: int, name: str) -> int | None:
        """Return the id of a tensor argument in the recording, or None if the argument was not passed."""
        given = self.op.args[place] if place < len(self.op.args) else self.op.kwargs.get(name)
        return given.index if isinstance(given, Slot) else None

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """Return the value of an argument of the call, given its position and name."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, default)

    def results(self) -> list[tuple[int, Tensor]]:
        """Return the id and the value of each tensor that the call returns."""
        values = [leaf if isinstance(leaf, Tensor) else None for leaf in leaves(self.result)]
        return [(s, v) for s, v in zip(self.op.outputs, values) if s is not None and v is not None]

    def set_units(self, slot: int, annotation: Annotation) -> None:
        """Store the hidden units along each dimension of a value; an empty `annotation` removes the stored ones."""
        self.analysis.units.pop(slot, None)
        if annotation:
            self.analysis.units[slot] = annotation

    def units_in(self, slot: int | None) -> Annotation:
        """Return the hidden units that are along the dimensions of a value, by dimension."""
        return {} if slot is None else self.analysis.units.get(slot, {})

    def input_units(self) -> list[tuple[int, int, Units]]:
        """Return (id of the argument, dimension, units) for all hidden units in the arguments of the call."""
        return [(s, d, u) for s in dict.fromkeys(self.op.inputs) for d, u in self.units_in(s).items()]

    def exclude(self, reason: str) -> None:
        """Exclude all hidden units in the arguments of the call from permutation, for the given reason."""
        for _, _, units in self.input_units():
            units.group.exclude(reason)

    def mark_not_proportional(self) -> None:
        """Store that the result of the call is not proportional to the hidden units in its arguments."""
        for _, _, units in self.input_units():
            units.group.root.is_proportional = False

    def is_parameter(self, slot: int | None) -> bool:
        """Return whether a value is a parameter or a rearranged parameter."""
        return slot in self.analysis.axes

    def add_axis(self, group: Group, slot: int | None, dim: int) -> tuple[Place, int] | None:
        """Add a parameter's axis to a group; return axis and entries per unit, or None if it is not such an axis."""
        if slot is None or not self.is_parameter(slot):
            return None
        axis, size = self.analysis.axes[slot][dim], self.value[slot].shape[dim]
        if axis < 0 or size == 1 != group.root.count:
            return None
        place = (self.analysis.parameter_of[slot], axis)
        return place, self.analysis.groups.add_axis(group, place, size)

    def follow_parameter(self) -> bool:
        """Return whether the call only rearranges a parameter. If so, record the axes of the result."""
        source = self.op.inputs[0] if len(self.op.inputs) == 1 else None
        if source is None or not self.is_parameter(source) or self.name not in VIEWS | COPIES:
            return False
        for slot, value in self.results():
            back = {new: old for old, new in self.dimension_map(source, value).items()}
            axes = self.analysis.axes[source]
            self.analysis.axes[slot] = tuple(axes[back[d]] if d in back else -1 for d in range(value.ndim))
            self.analysis.parameter_of[slot] = self.analysis.parameter_of[source]
        return True

    def dimension_map(self, source: int, value: Tensor) -> dict[int, int]:
        """Return, for each dimension of the argument `source`, the dimension of the result that it becomes.

        The dimensions are found by the strides of a tensor on the meta device. Only dimensions that are kept whole and
        longer than 1 are returned.
        """
        shape = self.value[source].shape
        if self.name in IN_PLACE:
            return {d: d for d, size in enumerate(shape) if size > 1}
        standing = torch.empty(shape, device="meta")
        try:
            found = self.op.func(standing, *self.args[1:], **self.kwargs)
        except Exception:  # An index that is a tensor cannot be applied on the meta device.
            return {}
        parts = [leaf for leaf in leaves(found) if isinstance(leaf, Tensor)]
        part = next((p for p in parts if p.shape == value.shape and p._base is not None), None)
        if part is None:
            return {}
        strides = {pair: d for d, pair in enumerate(zip(part.stride(), part.shape)) if pair[1] > 1}
        pairs = enumerate(zip(standing.stride(), shape))
        return {d: strides[pair] for d, pair in pairs if pair[1] > 1 and pair in strides}
