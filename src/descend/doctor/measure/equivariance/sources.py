"""The tensors of a recording that hold one row per example, and the same recording with these rows in another order."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from descend.doctor.measure.equivariance.positions import Position, permute
from descend.doctor.measure.origins import index_slots
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.evaluation import is_random_in_training

# These calls read and write rows by their numbers.
READING = frozenset({"getitem", "index_select"})
WRITING = frozenset({"index_add", "scatter_add", "scatter_reduce", "scatter"})
STACKING = frozenset({"stack", "cat", "pad_sequence"})
ROWS: Position = ((0, 1),)  # each row is an example
Values = Mapping[int, Tensor]  # the first value of each slot


@dataclass(frozen=True)
class Source:
    """A tensor that holds the examples of the batch and is not computed from another such tensor."""

    slot: int
    op: Op | None  # the call that makes it; None for recorded data
    value: Tensor
    position: Position
    is_certain: bool  # whether a loader or a random draw shows which axis is the batch


def batch_counts(recording: Recording, values: Values) -> list[int]:
    """Return the possible numbers of examples in the batch, most likely first.

    The network's input has one row for each example, or one block of rows, such as four rotations of each image. The
    other candidates are the rows of the targets and of all other data that the model or the loss reads.
    """
    if recording.input_slot is None:
        return []
    rows = recording.input_rows
    upstream = [values[slot] for slot in recording.upstream_slots(recording.input_slot) if slot in values]
    sizes = [value.shape[0] for value in upstream if value.ndim]
    parts = sorted((size for size in sizes if size < rows and rows % size == 0), reverse=True)
    data = [
        values[slot].shape[0]
        for op in recording.ops
        if SMOOTH in op.dependences
        for slot, dependence in zip(op.inputs, op.dependences)
        if dependence == NONE
        and values[slot].ndim
        and slot not in recording.parameters
        and slot not in recording.statistics
    ]
    return list(dict.fromkeys([*parts, rows, recording.batch_size, *data]))


def find_sources(
    recording: Recording,
    values: Values,
    results: Mapping[Op, list],
    count: int,
    *,
    batch_first: Container[int] = (),
    anywhere: bool = False,
) -> list[Source]:
    """Return the tensors that hold the `count` examples of the batch.

    values: the first value of each slot.
    results: the results of each call.
    batch_first: slots of data whose first dimension has the batch size of their loader.
    anywhere: whether the columns of a data set may be the examples, as in several series with time first.
    """
    # A model reads these data without preprocessing. Columns of a data set are not examples.
    direct = {slot for op in recording.ops if SMOOTH in op.dependences for slot in op.inputs}
    found = [
        Source(slot, None, values[slot], position, slot in batch_first)
        for slot in (*recording.data, *recording.watched)
        if slot not in recording.statistics
        and (position := _first_position(values[slot], count))
        and (anywhere or position == ROWS or slot in direct)
        and not _belongs_to_module(recording, slot, values[slot])
    ]
    examples = {source.slot for source in found}  # the slots that hold examples
    constants: set[int | None] = set()  # the slots that are computed from constants alone, such as the result of arange
    for op in recording.ops:
        draws = op.random is not None and not is_random_in_training(op.func)
        outputs = [slot for slot in op.outputs if slot is not None]
        if not draws and constants.issuperset(op.inputs):
            constants.update(outputs)
        elif op.name in STACKING and len(op.inputs) == count:
            items = set(op.inputs)  # Each item is an example, whatever its size.
            found = [source for source in found if source.slot not in items]
            found += [Source(outputs[0], op, results[op][0], ROWS, is_certain=True)]
            examples = examples - items | set(outputs)
        elif examples.intersection(op.inputs) and not draws:
            examples.update(outputs)
        elif draws or _reads_data(op):
            for slot, value in zip(op.outputs, results[op]):
                if slot is None:
                    continue
                position = _first_position(value, count)
                is_block = value.ndim > 0 and value.shape[0] > 0 and value.shape[0] % count == 0
                if not position and is_block and examples.intersection(op.inputs):
                    position = ROWS  # The draw has one block of rows for each example.
                if position == ROWS or draws and position:
                    found.append(Source(slot, op, value, position, draws))
                    examples.add(slot)
    return found


def _reads_data(op: Op) -> bool:
    """Return whether a call outside of all modules computes something from data alone, such as a slice of them."""
    return set(op.dependences) <= {NONE} and (op.origin is None or op.origin.module is None)


def _first_position(value: Tensor, count: int) -> Position:
    """Return the first axis that has one entry for each example, as a position; () without one."""
    axes = [axis for axis, size in enumerate(value.shape) if size == count]
    return ((axes[0], 1),) if axes else ()


def _belongs_to_module(recording: Recording, slot: int, value: Tensor) -> bool:
    """Return whether a tensor is a buffer or another attribute of a module that uses it, such as a table."""
    if slot == recording.input_slot:
        return False  # A Gaussian process, for example, stores its training data.
    modules = {op.origin.module for op in recording.ops if slot in op.inputs and op.origin and op.origin.module}
    attributes = [each for module in modules for each in (*module.buffers(recurse=False), *vars(module).values())]
    tensors = [each for each in attributes if isinstance(each, Tensor) and each.shape == value.shape]
    return any(torch.equal(each, value) for each in tensors)


def with_order(recording: Recording, sources: Iterable[Source], values: Values, order: Tensor) -> Recording:
    """Return the recording of the same batch with its examples in another order.

    order: shape (N,), the number of the example that each row receives.
    """
    made = {slot: op for op in reversed(recording.ops) for slot in op.outputs if slot is not None}
    changed = {source.slot: (source.op, permute(source.value, source.position, order)) for source in sources}
    rank = torch.argsort(order)
    for slot in _row_numbers(recording, set(changed), values, len(order)):
        op, index = changed.get(slot, (made.get(slot), values[slot]))
        changed[slot] = op, rank.to(index.device)[index]
    return _with_values(recording, changed)


def _row_numbers(recording: Recording, examples: set[int | None], values: Values, count: int) -> Iterator[int]:
    """Yield the slots that hold numbers of rows of the batch, such as the edges of a graph or a permutation.

    Row numbers that are computed from the examples, as by a sort, follow by themselves.
    """
    seen: set[int] = set()
    given = examples
    for op in recording.ops:
        name, has_rows = op.name.strip("_"), bool(op.inputs) and values[op.inputs[0]].shape[:1] == (count,)
        moved = op.inputs if name in WRITING else op.inputs[:1] if name in READING else ()
        if has_rows and examples.intersection(moved):
            free = [slot for slot in index_slots(op) if slot in given or slot not in examples]
            numbers = [slot for slot in free if slot not in seen and _is_row_number(values[slot], count)]
            seen.update(numbers)
            yield from numbers
        if examples.intersection(op.inputs):
            examples = examples.union(op.outputs)


def _is_row_number(index: Tensor, count: int) -> bool:
    """Return whether an index holds numbers of rows: a permutation, or not one number per example as labels are."""
    if index.is_floating_point() or index.dtype == torch.bool or not index.numel() or int(index.max()) >= count:
        return False
    rows = torch.arange(count, device=index.device)
    if index.shape != rows.shape:
        return index.shape[:1] != rows.shape
    return torch.equal(index.sort().values, rows) and not torch.equal(index, rows)


def _with_values(recording: Recording, changed: Mapping[int, tuple[Op | None, Tensor]]) -> Recording:
    """Return the recording with other values in some slots.

    changed: for each slot, the call that makes it, which is dropped with all earlier calls for the slot, and its value.
    """
    ops, made = [], {slot for slot, (op, _) in changed.items() if op is None}
    for op in recording.ops:
        replaced = [slot for slot in op.outputs if slot is not None and slot in changed and slot not in made]
        made.update(slot for slot in replaced if changed[slot][0] is op)
        kept = tuple(None if slot in replaced else slot for slot in op.outputs)
        if not replaced:
            ops.append(op)
        elif any(slot is not None for slot in kept):
            ops.append(replace(op, outputs=kept))
    watched = {slot: tensor for slot, tensor in recording.watched.items() if slot not in changed}
    data = {**recording.data, **{slot: value for slot, (_, value) in changed.items()}}
    return replace(recording, ops=tuple(ops), data=data, watched=watched)
