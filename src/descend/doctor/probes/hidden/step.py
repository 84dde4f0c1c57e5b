"""One call of a recording, and what is known of its arguments: which hold units, and which are parameters."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.hidden.groups import Annotation, Group, Groups, Place, Units
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import Slot
from descend.doctor.tape.nesting import leaves

VIEWS = frozenset(
    "transpose permute T mT t movedim swapaxes swapdims expand expand_as select narrow __getitem__ unsqueeze "
    "unsqueeze_ squeeze squeeze_ chunk split unbind data detach detach_".split()
)
SAME = frozenset("clone contiguous float double half bfloat16 to type type_as identity".split())
IN_PLACE = SAME | {"data", "detach", "detach_"}  # where every dimension stays where it is


@dataclass
class Known:
    """What the calls so far have shown."""

    recording: Recording
    groups: Groups = field(default_factory=Groups)
    units: dict[int, Annotation] = field(default_factory=dict)  # slot -> its dimensions that hold units
    axes: dict[int, tuple[int, ...]] = field(default_factory=dict)  # slot of a parameter's view -> the parameter's axes
    behind: dict[int, int] = field(default_factory=dict)  # slot of a parameter's view -> the parameter's

    def __post_init__(self) -> None:
        for slot, parameter in self.recording.parameters.items():
            self.axes[slot], self.behind[slot] = tuple(range(parameter.ndim)), slot


class Step:
    """One call, by the slots and the values of its arguments."""

    def __init__(self, known: Known, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        self.known, self.op, self.args, self.kwargs, self.result = known, op, args, kwargs, result
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        self.value = dict(zip(op.inputs, tensors))

    @property
    def name(self) -> str:
        """The call's name."""
        return self.op.name

    def slot(self, place: int, name: str) -> int | None:
        """Return the slot of a tensor argument; None where it is not given."""
        given = self.op.args[place] if place < len(self.op.args) else self.op.kwargs.get(name)
        return given.index if isinstance(given, Slot) else None

    def given(self, place: int, name: str, default: Any = None) -> Any:
        """Return an argument's value."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, default)

    def made(self) -> list[tuple[int, Tensor]]:
        """Return the slot and the value of each tensor that the call gives."""
        values = [leaf if isinstance(leaf, Tensor) else None for leaf in leaves(self.result)]
        return [(s, v) for s, v in zip(self.op.outputs, values) if s is not None and v is not None]

    def give(self, slot: int, annotation: Annotation) -> None:
        """Note what a value holds: nothing, where it has no dimension of units."""
        self.known.units.pop(slot, None)
        if annotation:
            self.known.units[slot] = annotation

    def units_in(self, slot: int | None) -> Annotation:
        """Return what a value holds."""
        return {} if slot is None else self.known.units.get(slot, {})

    def held(self) -> list[tuple[int, int, Units]]:
        """Return (slot, dimension, units) of all arguments."""
        return [(s, d, u) for s in dict.fromkeys(self.op.inputs) for d, u in self.units_in(s).items()]

    def refuse(self, reason: str) -> None:
        """Leave all units that the call is given out."""
        for _, _, units in self.held():
            units.group.refuse(reason)

    def bend(self) -> None:
        """Note that what the call gives is not proportional to the units that it is given."""
        for _, _, units in self.held():
            units.group.root.is_proportional = False

    def is_parameter(self, slot: int | None) -> bool:
        """Whether a value is a parameter, or one arranged anew."""
        return slot in self.known.axes

    def join(self, group: Group, slot: int | None, dim: int) -> tuple[Place, int] | None:
        """Give a parameter's axis to a group; return it with each unit's entries. None where it is none of theirs."""
        if slot is None or not self.is_parameter(slot):
            return None
        axis, size = self.known.axes[slot][dim], self.value[slot].shape[dim]
        if axis < 0 or size == 1 != group.root.count:
            return None
        place = (self.known.behind[slot], axis)
        return place, self.known.groups.join(group, place, size)

    def follow_parameter(self) -> bool:
        """Whether the call only arranges a parameter anew: then its axes are followed."""
        source = self.op.inputs[0] if len(self.op.inputs) == 1 else None
        if source is None or not self.is_parameter(source) or self.name not in VIEWS | SAME:
            return False
        for slot, value in self.made():
            back = {new: old for old, new in self.moved(source, value).items()}
            axes = self.known.axes[source]
            self.known.axes[slot] = tuple(axes[back[d]] if d in back else -1 for d in range(value.ndim))
            self.known.behind[slot] = self.known.behind[source]
        return True

    def moved(self, source: int, value: Tensor) -> dict[int, int]:
        """Return where the dimensions of the first argument lie in the result, by the strides of a stand-in for it.

        Those that are there whole and have more than one entry.
        """
        shape = self.value[source].shape
        if self.name in IN_PLACE:
            return {d: d for d, size in enumerate(shape) if size > 1}
        standing = torch.empty(shape, device="meta")
        try:
            found = self.op.func(standing, *self.args[1:], **self.kwargs)
        except Exception:  # of an index that is a tensor: where it leads is not followed
            return {}
        parts = [leaf for leaf in leaves(found) if isinstance(leaf, Tensor)]
        part = next((p for p in parts if p.shape == value.shape and p._base is not None), None)
        if part is None:
            return {}
        strides = {pair: d for d, pair in enumerate(zip(part.stride(), part.shape)) if pair[1] > 1}
        pairs = enumerate(zip(standing.stride(), shape))
        return {d: strides[pair] for d, pair in pairs if pair[1] > 1 and pair in strides}
