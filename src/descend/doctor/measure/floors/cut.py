"""A recording cut after one of its calls: the loss as a function of the values at the cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

MOST_NUMEL = 1 << 23  # largest number of values kept from one forward pass: 32 MB in float32
TOLERANCE = 1e-4  # largest relative difference allowed between the loss computed from the cut and the recorded loss
SUMS = ADDITIONS | NEGATIONS | RESHAPES | {"mean", "sum"}
CHANNELS_FIRST = having(Trait.CONVOLUTION, Trait.TRANSPOSED_CONVOLUTION)


@dataclass(frozen=True)
class Flow:
    """The ids of the recorded values that depend on parameters, and of those that depend on data or random draws."""

    of_parameters: frozenset[int]
    of_data: frozenset[int]

    @property
    def of_weights(self) -> frozenset[int]:
        """The ids of the values that are computed from parameters alone."""
        return self.of_parameters - self.of_data

    @property
    def of_outputs(self) -> frozenset[int]:
        """The ids of the values that depend on parameters and on examples: the network's activations and outputs."""
        return self.of_parameters & self.of_data


def flow(recording: Recording) -> Flow:
    """Return the ids of a recording's values that depend on parameters, and of those that depend on data or noise."""
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
    """The calls after a given call, which compute the loss from earlier activations that can be replaced (`free`)."""

    op: Op  # the last call before the cut
    tail: Recording
    free: Mapping[int, Tensor]  # id of a value -> its recorded tensor, which may be replaced

    def loss(self, values: Mapping[int, Tensor]) -> Tensor:
        """Return the loss with `values` in place of the free ones; `values` are copied, since calls may change them."""
        return self.tail.run({slot: value.clone() for slot, value in values.items()})


class Values:
    """The values that the calls of one forward pass computed, as they were right after each call."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.flow = recording, flow(recording)
        numbered = enumerate(recording.ops)
        self._numbers = [i for i, op in numbered if not self.flow.of_outputs.isdisjoint((*op.outputs, *op.written))]
        self._seen: dict[int, list[tuple[int, Tensor]]] = {}
        number = {id(op): i for i, op in enumerate(recording.ops)}
        numel = 0

        def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
            """Keep a copy of each tensor that a call returns."""
            nonlocal numel
            for slot, leaf in zip(op.outputs, leaves(result)):
                if slot is not None and isinstance(leaf, Tensor):
                    numel += leaf.numel()
                    if numel > MOST_NUMEL:
                        raise Unavailable("the results of the network's calls on a batch are too large to be kept")
                    self._seen.setdefault(slot, []).append((number[id(op)], leaf.detach().clone()))

        run_without_graph(recording, watch)
        self.loss = float(self._seen[recording.root][-1][1])

    @property
    def ops(self) -> list[Op]:
        """The calls whose results depend on both parameters and examples; these calls are the same in every batch."""
        return [self.recording.ops[number] for number in self._numbers]

    def cut(self, place: int) -> Cut | None:
        """Return the calls after number `place` of `ops` as a cut; None if they do not reproduce the recorded loss."""
        index = self._numbers[place]
        recording, before = self.recording, self.recording.ops[: index + 1]
        ops = recording.ops[index + 1 :]
        made = {slot for op in before for slot in (*op.outputs, *op.written) if slot is not None}
        alive = {slot for op in ops for slot in op.inputs if slot in made}
        values = {slot: value for slot in sorted(alive) if (value := self._value_after(slot, index)) is not None}
        terms = _additive_values(ops, recording.root, self.flow) - {*recording.ops[index].outputs}
        said = self.flow.of_outputs - terms
        free = {slot: value for slot, value in values.items() if slot in said and value.is_floating_point()}
        if not free or recording.root not in {slot for op in ops for slot in op.outputs}:
            return None
        changing = recording.changing | {slot for op in ops for slot in op.written if slot in values}
        known = {**recording.data, **{slot: value for slot, value in values.items() if slot not in free}}
        tail = replace(recording, ops=ops, data=known, changing=frozenset(changing))
        cut = Cut(recording.ops[index], tail, free)
        with torch.no_grad():
            again = float(cut.loss(free))
        return cut if abs(again - self.loss) <= TOLERANCE * max(1e-6, abs(self.loss)) else None

    def numel_after(self, place: int) -> int:
        """Return how many numbers the calls after call number `place` of `ops` compute in one forward pass."""
        index = self._numbers[place]
        seen = (known for values in self._seen.values() for known in values)
        return sum(value.numel() for number, value in seen if number > index)

    def shape(self, slot: int | None) -> torch.Size | None:
        """Return the shape of a recorded value, or None if no call computed it."""
        seen = self._seen.get(slot, []) if slot is not None else []
        return seen[0][1].shape if seen else None

    def _value_after(self, slot: int, index: int) -> Tensor | None:
        """Return the tensor that a recorded value held just after call number `index`."""
        known = [value for number, value in self._seen.get(slot, []) if number <= index]
        return known[-1] if known else None


def _additive_values(ops: Sequence[Op], root: int, flow: Flow) -> set[int]:
    """Return the ids of values that the loss is affine in; as free variables, they make the loss unbounded below."""
    used = {slot: [op for op in ops if slot in op.inputs] for op in ops for slot in op.inputs}
    terms = {root}
    for op in reversed(ops):
        for slot in op.inputs:
            if all(_is_summed(each, slot, flow) and terms.issuperset(each.outputs) for each in used[slot]):
                terms.add(slot)
    return terms


def _is_summed(op: Op, slot: int, flow: Flow) -> bool:
    """Return whether a call is affine in one input and has no other input that depends on the network's outputs."""
    if op.name in SUMS:
        return True
    is_factor = op.name in PRODUCTS or op.name in QUOTIENTS and op.inputs[0] == slot
    return is_factor and op.inputs.count(slot) == 1 and not flow.of_outputs.intersection({*op.inputs} - {slot})


def mean_values(cut: Cut) -> list[Tensor]:
    """Return the mean over the examples of each tensor in `cut.free`, as one number per unit or channel.

    These tensors are the activations from which the calls after the cut compute the loss.
    """
    return [_mean_over_examples(value, cut.op) for value in cut.free.values()]


def _mean_over_examples(value: Tensor, op: Op) -> Tensor:
    """Return the mean over all dimensions except the dimension of the units or channels."""
    if value.ndim < 2:
        return value.mean().reshape([1] * value.ndim)
    kept = 1 if value.ndim > 3 or op.name in CHANNELS_FIRST else value.ndim - 1
    return value.mean([d for d in range(value.ndim) if d != kept], keepdim=True)


def expand_constants(constants: Sequence[Tensor], cut: Cut) -> dict[int, Tensor]:
    """Return the constants expanded to all examples, by the id of the free value that each constant replaces."""
    return {slot: constant.expand_as(value) for constant, (slot, value) in zip(constants, cut.free.items())}


def have_same_shapes(cuts: Sequence[Cut]) -> bool:
    """Return whether the free values of several batches' cuts have the same shapes, apart from the batch size."""
    shapes = [[constant.shape for constant in mean_values(cut)] for cut in cuts]
    return all(each == shapes[0] for each in shapes)
