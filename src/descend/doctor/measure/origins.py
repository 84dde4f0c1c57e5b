"""Which rows of stored tensors the inputs and targets of a step come from, and how far targets are ahead of inputs.

The rows of each stored tensor are numbered, and the numbers take the place of its values in all calls that only move or
rescale values before the network: indexing, slices, reshapes, `roll`. An example and its target must come from the same
row. In a sequence of tokens, the target at each position is the next token of the input.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH, Slot
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.trace import memory_id

ROLL = "roll"
VIEW = "view"  # This call needs the numbers in the order of their memory.
TAKING = frozenset({"getitem", "index_select"})
MOVING = TAKING | having(Trait.RESHAPE) | having(Trait.VIEW) | {ROLL, "flip", "repeat_interleave", "narrow", "detach"}
LEAST = 4  # smallest number of examples in a batch, and of positions in a sequence, for these facts
MOST_ROWS = 2**24  # Row numbers are exact in float32 up to this number.
LISTED = 3  # so many rows are listed
MOST_SHIFT = 3  # Labels are compared with the tokens of so many later positions.
SAME = 0.98  # If a larger share of the labels equals later tokens, the labels are these tokens.


@dataclass(frozen=True)
class Origins:
    """The numbers of the rows of a stored tensor from which each element of a value comes."""

    stored: int  # slot of the stored tensor
    rows: Tensor
    op: Op | None = None  # the last call that took rows


def origins(snapshot: Snapshot) -> Measurement:
    """Yield different rows of inputs and targets, stored rows that change, and targets several tokens after inputs."""
    recording = snapshot.recordings()[0]
    followed, call = FollowedRows(recording), loss_call(recording)
    target: set[int] = set() if call is None else recording.upstream_slots(call.target)
    inputs = None if recording.input_slot is None else followed.origins.get(recording.input_slot)
    for slot in followed.reads.keys() & followed.origins.keys() if inputs is not None else ():
        other = followed.origins[slot]
        if inputs is not None and (found := _different_rows(followed, inputs, other, slot in target)) is not None:
            note_taken_rows(snapshot, "inputs", inputs.op)
            note_taken_rows(snapshot, "targets", other.op)
            yield Fact.of(found, snapshot.step)
            break
    labels = None if call is None else followed.reads.get(call.target)
    shifts = (_shift(tokens, labels) for tokens in followed.reads.values() if labels is not None)
    given = set() if recording.input_slot is None else recording.upstream_slots(recording.input_slot)
    for taking in (op for slot, op in followed.changed.items() if slot in given and slot not in recording.loaders):
        note_taken_rows(snapshot, "stored", taking)
        count = recording.sizes.get(taking.outputs[0] or 0, 0)
        yield Fact.of(facts.ChangedExamples(count, count, ""), snapshot.step)
    if (shift := next((shift for shift in shifts if shift), None)) is not None:
        rolls = [op for op in recording.ops if op.name == ROLL and target.intersection(op.outputs)]
        note_taken_rows(snapshot, "shift", rolls[-1] if rolls else None)
        yield Fact.of(shift, snapshot.step)


def note_taken_rows(snapshot: Snapshot, key: str, op: Op | None) -> None:
    """Record the source of a call that takes, draws or shifts rows."""
    if op is not None:
        snapshot.note_site(SiteKind.TAKEN_ROWS, key, op.site, op.name.strip("_"))


class FollowedRows:
    """The origins of each value of a step before the network, and the values that the network or the loss reads."""

    def __init__(self, recording: Recording) -> None:
        self.origins: dict[int, Origins] = {}
        self.reads: dict[int, Tensor] = {}  # slot of data that the network or the loss reads -> its value
        self.changed: dict[int, Op] = {}  # slot of a stored tensor -> the call that took rows which are then changed
        self._views: dict[int, tuple[int, Op]] = {}  # memory of a stored tensor -> its slot, and a call that took rows
        self.stored = {**recording.data, **{slot: tensor for slot, (tensor, _) in recording.watched.items()}}
        for slot, tensor in self.stored.items():
            if tensor.ndim and LEAST <= len(tensor) <= MOST_ROWS and slot not in recording.statistics:
                self.origins[slot] = Origins(slot, _row_numbers(tensor))
        run_without_graph(recording, self._follow)

    def _follow(self, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the data that a call of the network or loss reads, or determine the origins of a call's results."""
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if SMOOTH in op.dependences:
            pairs = zip(op.inputs, op.dependences, tensors)
            self.reads.update((slot, tensor) for slot, kind, tensor in pairs if kind == NONE)
        known = [self.origins[slot] for slot in op.inputs if slot in self.origins]
        if op.name.strip("_") in TAKING and op.inputs[0] in self.stored and memory_id(tensors[0]) == memory_id(result):
            self._views[memory_id(result)] = op.inputs[0], op
        for slot in op.written:
            self.origins.pop(slot, None)
            stored, taking = self._views.get(memory_id(tensors[op.inputs.index(slot)]), (slot, op))
            if slot != stored:
                self.changed[stored] = taking
        if not known or op.written or SMOOTH in op.dependences:
            return
        # Each element of another call's result comes from the element at its own place in the largest argument.
        origin = max(known, key=lambda each: each.rows.numel())
        rows, is_unclear = [origin.rows], sum(each.rows.shape == origin.rows.shape for each in known) > 1
        if op.name.strip("_") in MOVING and op.inputs[0] in self.origins and args[0] is tensors[0]:
            origin, is_unclear = self.origins[op.inputs[0]], False
            numbers = origin.rows.contiguous() if op.name == VIEW else origin.rows
            rows = [*leaves(op.func(numbers, *args[1:], **kwargs))]
        for made, value, row in zip(op.outputs, leaves(result), rows):
            if made is not None and isinstance(value, Tensor) and row.shape == value.shape and not is_unclear:
                takes = op.name.strip("_") in TAKING and not torch.equal(_first_column(row), _first_column(origin.rows))
                self.origins[made] = Origins(origin.stored, row, op if takes else origin.op)


def _first_column(rows: Tensor) -> Tensor:
    """Return the row of the first element of each entry of a tensor along its first dimension."""
    return rows.reshape(len(rows), -1)[:, 0] if rows.ndim and rows.numel() else rows


def _row_numbers(tensor: Tensor) -> Tensor:
    """Return the row of each element of a tensor, without memory for each element."""
    shape = [-1] + [1] * (tensor.ndim - 1)
    return torch.arange(len(tensor), device=tensor.device).reshape(shape).expand(tensor.shape)


def index_slots(op: Op) -> list[int]:
    """Return the slots of the index tensors of a call that takes rows."""
    index = op.args[1:2] if op.name.strip("_") == "getitem" else (*op.args[2:3], op.kwargs.get("index"))
    return [leaf.index for leaf in leaves(index) if isinstance(leaf, Slot)]


def rows_of_examples(origins: Origins, count: int) -> Tensor | None:
    """Return the row of each of `count` examples, shape (count,); None if an example has elements of several rows."""
    if not origins.rows.numel() or origins.rows.numel() % count:
        return None
    rows = origins.rows.reshape(count, -1)
    return rows[:, 0] if bool((rows == rows[:, :1]).all()) else None


def _different_rows(
    followed: FollowedRows, inputs: Origins, other: Origins, is_target: bool
) -> facts.DifferentRows | None:
    """Return the rows of inputs and other values if these come from another stored tensor and from other rows.

    Values that are no targets count only if they are the first rows, as if an index had been forgotten.
    """
    count, of = len(inputs.rows), len(followed.stored[other.stored])
    if count < LEAST or other.stored == inputs.stored or len(followed.stored[inputs.stored]) != of:
        return None
    rows, others = rows_of_examples(inputs, count), rows_of_examples(other, count)
    if rows is None or others is None:
        return None
    for value in followed.origins.values():
        # The step may take the right rows, too, and others on purpose, such as negative examples. Or other inputs, such
        # as labelled ones, have the rows of the targets.
        of_value = rows_of_examples(value, count) if value.op is not None else None
        if of_value is not None and torch.equal(of_value, rows if value.stored == other.stored else others):
            return None
    differing = int((rows != others).sum())
    are_first = torch.equal(others, torch.arange(count, device=others.device))
    if 2 * differing <= count or not (is_target or are_first):
        return None
    listed = tuple(map(int, rows[:LISTED])), tuple(map(int, others[:LISTED]))
    return facts.DifferentRows(count, differing, of, *listed, is_target)


def _shift(tokens: Tensor, labels: Tensor) -> facts.TargetShift | None:
    """Return by how many positions the labels are ahead of the tokens of each sequence, if by two or three.

    tokens: shape (batch, time). labels: numbers for the same positions, or for the last ones of each sequence, in any
    shape.
    """
    if tokens.ndim != 2 or tokens.is_floating_point() or labels.is_floating_point() or not tokens.numel():
        return None
    count, time = tokens.shape
    positions = labels.numel() // count
    if positions * count != labels.numel() or not MOST_SHIFT + 1 < positions <= time:
        return None
    later, last = labels.reshape(count, positions), tokens[:, time - positions :]
    equal = [_share_equal(later[:, : positions - ahead], last[:, ahead:]) for ahead in range(MOST_SHIFT + 1)]
    ahead = max(range(MOST_SHIFT + 1), key=lambda ahead: equal[ahead])
    others = max(share for distance, share in enumerate(equal) if distance != ahead)
    return facts.TargetShift(ahead, equal[ahead]) if ahead > 1 and equal[ahead] > SAME > others else None


def _share_equal(a: Tensor, b: Tensor) -> float:
    """Return the share of equal entries of two tensors of the same shape."""
    return float((a == b).float().mean())
