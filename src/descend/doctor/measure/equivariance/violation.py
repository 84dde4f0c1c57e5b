"""The first call of a step that does not treat the examples of a batch alike.

A model and the data pipeline before it process examples one by one. If the rows of all inputs and targets are permuted
alike, each result must be the former one with its examples permuted, and the loss must not change (batch equivariance;
Zaheer et al. 2017, "Deep Sets", section 2). In evaluation mode this includes batch normalisation.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.equivariance.positions import Position, is_rounding, largest_value, positions_of
from descend.doctor.measure.equivariance.sources import Source, batch_counts, find_sources, with_order
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.evaluation import is_random_in_training
from descend.doctor.tape.nesting import leaves

LEAST = 4  # smallest number of examples in a batch for this measurement
LEAST_READS = 2  # A batch has inputs and targets. The features of a single example are read once.
MOST_BYTES = 2**30  # largest size of all results of a step, because a second copy of them is kept
SPLITS = frozenset({"chunk", "split", "split_with_sizes", "tensor_split", "narrow", "unbind"})
SELECTIONS = SPLITS | {"masked_select", "nonzero"}
UNINITIALISED = frozenset({"empty", "empty_like", "new_empty", "empty_strided"})
ORDERINGS = frozenset({"argmax", "argmin", "argsort", "sort", "topk", "max", "min"})  # Integer results number entries.
GROUPINGS = frozenset({"view", "reshape", "unflatten"})
Positions = frozenset[Position]
CONSTANT: Positions = frozenset({()})


@dataclass(frozen=True)
class Violation:
    """The first call whose inputs hold the examples at known positions and whose result does not."""

    op: Op
    shape: tuple[int, ...]  # the shape of the call's first tensor argument
    positions: tuple[Positions, ...]  # the positions of the examples in each tensor argument
    result: tuple[int, ...]  # the shape of the result
    count: int  # the number of examples
    places: Mapping[int, Positions]  # the positions of the examples in each slot before the call
    is_crossing: bool = False  # whether the call combines each example with the indices of all examples


class Equivariance:
    """The results of a step in evaluation mode, to compare with those for a permuted batch. Raises `Unavailable`.

    batch_sizes: loader's number -> its batch size. A loader may also deliver batches with time first.
    """

    def __init__(self, recording: Recording, batch_sizes: Mapping[str, int | None] | None = None) -> None:
        self.recording, sizes = recording, batch_sizes or {}
        self.results: dict[Op, list[Any]] = {}
        self.values: dict[int, Tensor] = {**recording.parameters, **recording.data, **recording.statistics}
        self.values.update((slot, tensor) for slot, (tensor, _) in recording.watched.items())
        numbers = {slot: number for slot, number in recording.loaders.items() if slot in self.values}
        self._batch_first = {
            slot for slot, number in numbers.items() if self.values[slot].shape[:1] == (sizes.get(number),)
        }
        self._bytes = 0
        self.loss = run_without_graph(recording, self._keep, evaluation=True, double=True)

    def _keep(self, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store copies of a call's results. Raises `Unavailable` if all results together are too large."""
        slots, found = _results(op, args, result)
        found = [leaf.detach().clone() if isinstance(leaf, Tensor) else leaf for leaf in found]
        self._bytes += sum(leaf.nbytes for leaf in found if isinstance(leaf, Tensor))
        if self._bytes > MOST_BYTES:
            raise Unavailable(f"the results of the step exceed {MOST_BYTES >> 20} MiB")
        self.results[op] = found
        for slot, leaf in zip(slots, found):
            if slot is not None and isinstance(leaf, Tensor):
                self.values.setdefault(slot, leaf)

    def violation(self) -> Violation | None:
        """Return the first call that breaks equivariance; None if some choice of the batch axes explains the step."""
        tried: dict[int, tuple[_Comparison, list[Source]]] = {}
        for count in (count for count in batch_counts(self.recording, self.values) if count >= LEAST):
            sources = find_sources(self.recording, self.values, self.results, count, batch_first=self._batch_first)
            comparison = self._compare(sources, count) if sources else None
            if comparison is None or not comparison.reaches_network or comparison.reads < LEAST_READS:
                continue
            if comparison.explains:
                return comparison.crossing
            if comparison.violation is None:
                continue
            tried[self.recording.ops.index(comparison.violation.op)] = comparison, sources
            if count < self.recording.input_rows and comparison.is_input_permuted(self.recording.input_slot):
                break  # The input has a block of rows for each of these examples, so its rows are not the examples.
        if not tried:
            raise Unavailable(f"no tensor of the step has one row for each of {LEAST} or more examples, or it is split")
        comparison, sources = tried[max(tried)]  # The best choice explains the most calls.
        others = self._alternatives(sources, comparison)
        return None if any(other.explains for other in others) else comparison.violation

    def _alternatives(self, sources: list[Source], comparison: "_Comparison") -> Iterator["_Comparison"]:
        """Yield comparisons for other choices of the tensors that hold the examples.

        A tensor of data may have a row for each example by chance, and data without a loader may have time first. Then
        the targets must be permuted, too.
        """
        found, count = comparison.violation, len(comparison.order)
        assert found is not None
        yield self._compare([_at_last_axis(source, count) for source in sources], count)
        slot = self.recording.input_slot
        upstream = set() if slot is None else self.recording.upstream_slots(slot)
        for source in sources:
            if source.is_certain:
                continue
            if source.slot in upstream:
                for size in dict.fromkeys(size for size in source.value.shape[1:] if LEAST <= size != count):
                    others = find_sources(self.recording, self.values, self.results, size, anywhere=True)
                    comparison = self._compare(others, size)
                    comparison.explains = comparison.explains and comparison.reads >= LEAST_READS
                    yield comparison
            elif source.slot in found.op.inputs and source.op is None:
                rest = [other for other in sources if other is not source]
                axes = tuple((axis, 1) for axis, size in enumerate(source.value.shape) if size == count)
                yield self._compare(rest, count)
                yield from (self._compare([*rest, replace(source, position=(axis,))], count) for axis in axes[1:])
                if len(axes) == 2:
                    yield self._compare([*rest, replace(source, position=axes)], count)

    def _compare(self, sources: list[Source], count: int) -> "_Comparison":
        """Replay the step with a permuted batch of `count` examples, and compare the results of each call."""
        order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
        comparison = _Comparison(self.results, sources, order)
        # The shape of a result may depend on the order of the examples. The replay then ends early.
        with suppress(RuntimeError, IndexError):
            permuted = with_order(self.recording, sources, self.values, order)
            run_without_graph(permuted, comparison, evaluation=True, double=True)
        if () in comparison.positions.get(self.recording.root, ()):
            if not is_rounding(self.loss, comparison.scale):
                comparison.violation = None  # A loss over all pairs of examples is symmetric as a whole.
            comparison.explains = comparison.reaches_network and comparison.violation is None
        return comparison


def _at_last_axis(source: Source, count: int) -> Source:
    """Return a source of data with its examples along its last axis of that size."""
    axes = [axis for axis, size in enumerate(source.value.shape) if size == count]
    is_fixed = source.is_certain or not axes
    return source if is_fixed else replace(source, position=((axes[-1], 1),))


class _Comparison:
    """Follows the examples of a permuted batch from call to call."""

    def __init__(self, results: dict[Op, list[Any]], sources: list[Source], order: Tensor) -> None:
        self.results, self.order = results, order
        self.positions: dict[int, Positions] = {source.slot: frozenset({source.position}) for source in sources}
        self.violation: Violation | None = None
        self.crossing: Violation | None = None  # the first call that uses the index of each example for all examples
        self._unassigned: set[int] = set()  # random numbers that may belong to any of the examples
        self.scale = 0.0  # the largest value of all inputs so far
        self.explains = False  # whether no result contradicts this choice of the batch, and the loss is the same
        self.reads = 0  # how often the network or the loss reads data that depend on the order: inputs and targets
        self.reaches_network = False  # whether a result of the network depends on the order of the examples

    def is_input_permuted(self, slot: int | None) -> bool:
        """Return whether the network's input has one row, or one block of rows, for each example."""
        positions = CONSTANT if slot is None else self.positions.get(slot, CONSTANT)
        return any(len(position) == 1 and position[0][0] == 0 for position in positions)

    def __call__(self, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Determine the positions of the examples in a call's results, and store the first violation."""
        # A tensor whose positions are not stored is the same for each order.
        given = tuple(self.positions.get(slot, CONSTANT) for slot in op.inputs)
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        self.scale = max(self.scale, largest_value(tensors))
        if SMOOTH in op.dependences:
            pairs = zip(op.dependences, given)
            self.reads += sum(kind == NONE and () not in positions for kind, positions in pairs)
        slots, found = _results(op, args, result)
        for slot, before, after in zip(slots, self.results.get(op, ()), found):
            if slot is None or not tensors or not isinstance(before, Tensor) or not isinstance(after, Tensor):
                continue
            self.positions[slot] = positions_of(before, after, self.order, self.scale)
            draws = op.random is not None and not is_random_in_training(op.func)
            is_drawn = draws and any(size % len(self.order) == 0 for size in after.shape)
            if is_drawn or self._unassigned.intersection(op.inputs) and () in self.positions[slot]:
                self._unassigned.add(slot)
                self.positions[slot] = frozenset()
                continue
            if SMOOTH in op.dependences and after.ndim and () not in self.positions[slot]:
                self.reaches_network = True
            crosses = self.crossing is None and op.name == "__getitem__" and _crosses(given, self.positions[slot])
            breaks = not self.positions[slot] and given and all(given) and self.violation is None
            if crosses or breaks and not _selects(op, args, after, len(self.order)):
                shapes = tuple(tensors[0].shape), given, tuple(after.shape)
                found_here = Violation(op, *shapes, len(self.order), dict(self.positions), is_crossing=crosses)
                if crosses:
                    self.crossing = found_here
                else:
                    self.violation = found_here


def _results(op: Op, args: tuple, result: Any) -> tuple[tuple[int | None, ...], list[Any]]:
    """Return the slots and values of a call's results. The result of `x[index] = value` is x."""
    return (op.inputs[:1], [args[0]]) if op.name == "__setitem__" else (op.outputs, leaves(result))


def _selects(op: Op, args: tuple, result: Tensor, count: int) -> bool:
    """Return whether a call selects, groups or numbers examples, as programs do with a batch on purpose."""
    if op.name in GROUPINGS:
        return _groups_axis(tuple(args[0].shape), tuple(result.shape), count)
    if op.name in ("__getitem__", "__setitem__"):
        index = args[1] if isinstance(args[1], tuple | list) else (args[1],)
        is_mask = any(isinstance(each, Tensor) and each.dtype == torch.bool for each in index)
        is_part = any(isinstance(each, int | slice) and each != slice(None) for each in index)
        return is_mask or is_part
    numbers = op.name in ORDERINGS and not result.is_floating_point()
    return numbers or op.name in SELECTIONS | UNINITIALISED or op.random is not None


def _crosses(given: tuple[Positions, ...], result: Positions) -> bool:
    """Return whether examples along one axis, and an index for each example, result in all pairs of examples."""
    are_single = all(len(position) == 1 for positions in given for position in positions)
    return len(given) == 2 and are_single and bool(result) and all(len(position) == 2 for position in result)


def _groups_axis(shape: tuple[int, ...], result: tuple[int, ...], count: int) -> bool:
    """Return whether a reshape splits the axis of the examples into two and keeps all others: (N, F) to (G, N/G, F)."""
    return any(
        size == count and result[:axis] == shape[:axis] and result[axis + 2 :] == shape[axis + 1 :]
        for axis, size in enumerate(shape)
    )
