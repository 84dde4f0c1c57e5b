"""How many different rows of a stored tensor the batches take, if the script draws the rows at random itself."""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from descend.doctor.measure.origins import FollowedRows, Origins, index_slots, note_taken_rows, rows_of_examples
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op, Recording


def drawn_rows(snapshot: Snapshot) -> Measurement:
    """Yield how many different rows the recorded batches take of a stored tensor, if they draw its rows at random."""
    draws, rows = 0, set()
    first: Tensor | None = None  # the stored tensor in the first batch
    for recording in snapshot.monitor:
        followed = FollowedRows(recording)
        for inputs, taken, draw in islice(_drawn_inputs(recording, followed), 1):
            stored = followed.stored[inputs.stored]
            first = stored if first is None else first
            if not _is_same(first, stored):
                return  # The script fills the tensor, such as a replay buffer.
            draws += len(taken)
            rows |= set(taken.tolist())
            note_taken_rows(snapshot, "drawn", inputs.op)
            note_taken_rows(snapshot, "draw", draw)
    if first is not None:
        yield Fact.of(facts.DrawnRows(len(first), len(rows), draws), snapshot.step)


def _drawn_inputs(recording: Recording, followed: FollowedRows) -> Iterator[tuple[Origins, Tensor, Op]]:
    """Yield data that the network or the loss reads, their rows, and the call that draws these rows in this step."""
    for slot in followed.reads.keys() & followed.origins.keys():
        inputs = _as_taken(followed, followed.origins[slot])
        index: set[int] = set()
        for number in index_slots(inputs.op) if inputs.op is not None else ():
            index |= recording.upstream_slots(number)
        rows = rows_of_examples(inputs, len(inputs.rows))
        draws = (op for op in recording.ops if op.random is not None and index.intersection(op.outputs))
        if rows is not None and (draw := next(draws, None)) is not None:
            yield inputs, rows, draw


def _as_taken(followed: FollowedRows, inputs: Origins) -> Origins:
    """Return the origins of the result of the call that took the rows: a later reshape may split an example."""
    slot = inputs.op.outputs[0] if inputs.op is not None else None
    return inputs if slot is None else followed.origins.get(slot, inputs)


def _is_same(first: Tensor, now: Tensor) -> bool:
    """Return whether two versions of a stored tensor are equal."""
    return first is now or first.shape == now.shape and torch.equal(first, now)
