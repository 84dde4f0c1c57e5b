"""A recording cut behind one of its calls: what is alive there is free, and the rest of the loss follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

MOST_NUMEL = 1 << 23  # of all that is kept of one forward pass: 32 MB in float32
FAITHFUL = 1e-4  # of itself: what the loss behind a cut may differ by from the loss, or the cut is not one
SUMS = ADDITIONS | NEGATIONS | RESHAPES | {"mean", "sum"}
CHANNELS_FIRST = frozenset({"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})


@dataclass(frozen=True)
class Flow:
    """What each slot's value is made of."""

    of_parameters: frozenset[int]
    of_data: frozenset[int]

    @property
    def of_weights(self) -> frozenset[int]:
        """What is made of parameters alone."""
        return self.of_parameters - self.of_data

    @property
    def of_both(self) -> frozenset[int]:
        """What the network says of its examples: of parameters, and of data or of draws."""
        return self.of_parameters & self.of_data


def flow(recording: Recording) -> Flow:
    """Return what of a recording is made of its parameters, and what of its data or of random draws."""
    of_parameters = set(recording.parameters)
    of_data = {*recording.data, *recording.watched} - of_parameters
    for op in recording.ops:
        touched = {slot for slot in (*op.outputs, *op.written) if slot is not None}
        if of_parameters.intersection(op.inputs):
            of_parameters.update(touched)
        if op.random is not None or of_data.intersection(op.inputs):
            of_data.update(touched)
    return Flow(frozenset(of_parameters), frozenset(of_data))


@dataclass(frozen=True)
class Cut:
    """The part of a recording behind a call, as a function of what is alive there."""

    op: Op  # the last call before it
    tail: Recording
    free: Mapping[int, Tensor]  # slot -> its value in the run

    def loss(self, values: Mapping[int, Tensor]) -> Tensor:
        """Return the loss with other values of what is free. A call may write into what it is given."""
        return self.tail.run({slot: value.clone() for slot, value in values.items()})


class Values:
    """What the calls of one forward pass have made, each as it was last written before a cut."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.flow = recording, flow(recording)
        numbered = enumerate(recording.ops)
        self._numbers = [i for i, op in numbered if not self.flow.of_both.isdisjoint((*op.outputs, *op.written))]
        self._seen: dict[int, list[tuple[int, Tensor]]] = {}
        number = {id(op): i for i, op in enumerate(recording.ops)}
        numel = 0

        def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
            nonlocal numel
            for slot, leaf in zip(op.outputs, leaves(result)):
                if slot is not None and isinstance(leaf, Tensor):
                    numel += leaf.numel()
                    if numel > MOST_NUMEL:
                        raise Unavailable("what the network's calls make of a batch is too large to be kept")
                    self._seen.setdefault(slot, []).append((number[id(op)], leaf.detach().clone()))

        run_watched(recording, watch)
        self.loss = float(self._seen[recording.root][-1][1])

    @property
    def said(self) -> list[Op]:
        """The calls that make what the network says of its examples: alike in every batch, as others need not be."""
        return [self.recording.ops[number] for number in self._numbers]

    def cut(self, place: int) -> Cut | None:
        """Return the recording cut behind that one of `said`; None where it cannot be cut there."""
        index = self._numbers[place]
        recording, before = self.recording, self.recording.ops[: index + 1]
        ops = recording.ops[index + 1 :]
        made = {slot for op in before for slot in (*op.outputs, *op.written) if slot is not None}
        alive = {slot for op in ops for slot in op.inputs if slot in made}
        values = {slot: value for slot in sorted(alive) if (value := self._at(slot, index)) is not None}
        terms = _terms(ops, recording.root, self.flow) - {*recording.ops[index].outputs}
        said = self.flow.of_both - terms
        free = {slot: value for slot, value in values.items() if slot in said and value.is_floating_point()}
        if not free or recording.root not in {slot for op in ops for slot in op.outputs}:
            return None
        changing = recording.changing | {slot for op in ops for slot in op.written if slot in values}
        known = {**recording.data, **{slot: value for slot, value in values.items() if slot not in free}}
        tail = replace(recording, ops=ops, data=known, changing=frozenset(changing))
        cut = Cut(recording.ops[index], tail, free)
        with torch.no_grad():
            again = float(cut.loss(free))
        return cut if abs(again - self.loss) <= FAITHFUL * max(1e-6, abs(self.loss)) else None

    def numel_after(self, place: int) -> int:
        """Return how many numbers the calls after that one of `said` make in one forward pass."""
        index = self._numbers[place]
        seen = (known for values in self._seen.values() for known in values)
        return sum(value.numel() for number, value in seen if number > index)

    def shape(self, slot: int | None) -> torch.Size | None:
        """Return the shape of what a call has made."""
        seen = self._seen.get(slot, []) if slot is not None else []
        return seen[0][1].shape if seen else None

    def _at(self, slot: int, index: int) -> Tensor | None:
        known = [value for number, value in self._seen.get(slot, []) if number <= index]
        return known[-1] if known else None


def _terms(ops: Sequence[Op], root: int, flow: Flow) -> set[int]:
    """Return the slots that are only added up into the loss: free, they would say no more than minus infinity."""
    used = {slot: [op for op in ops if slot in op.inputs] for op in ops for slot in op.inputs}
    terms = {root}
    for op in reversed(ops):
        for slot in op.inputs:
            if all(_is_summed(each, slot, flow) and terms.issuperset(each.outputs) for each in used[slot]):
                terms.add(slot)
    return terms


def _is_summed(op: Op, slot: int, flow: Flow) -> bool:
    """Whether a call is affine in one of its inputs, and is given nothing else that the network says beside it."""
    if op.name in SUMS:
        return True
    is_factor = op.name in PRODUCTS or op.name in QUOTIENTS and op.inputs[0] == slot
    return is_factor and op.inputs.count(slot) == 1 and not flow.of_both.intersection({*op.inputs} - {slot})


def constants_of(cut: Cut) -> list[Tensor]:
    """Return the means over the examples of what is free: one number for each unit or channel, to be broadcast."""
    return [_mean(value, cut.op) for value in cut.free.values()]


def _mean(value: Tensor, op: Op) -> Tensor:
    if value.ndim < 2:
        return value.mean().reshape([1] * value.ndim)
    kept = 1 if value.ndim > 3 or op.name in CHANNELS_FIRST else value.ndim - 1
    return value.mean([d for d in range(value.ndim) if d != kept], keepdim=True)


def spread(constants: Sequence[Tensor], cut: Cut) -> dict[int, Tensor]:
    """Return the same values for every example."""
    return {slot: constant.expand_as(value) for constant, (slot, value) in zip(constants, cut.free.items())}


def alike(cuts: Sequence[Cut]) -> bool:
    """Whether the cuts of several batches leave as much free, of the same units."""
    shapes = [[constant.shape for constant in constants_of(cut)] for cut in cuts]
    return all(each == shapes[0] for each in shapes)
