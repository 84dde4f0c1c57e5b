"""Whether a call reorders the examples of a batch along axis 0 while their targets keep their order.

    images = torch.roll(images, shift, dims=(0, 1))  # meant (1, 2): axis 0 is the batch

Each row of a tensor gets the number of its example, and each call is applied to these numbers as well. If inputs and
targets start in the same order, row i of both must end with the same number.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.messages import no_loss_call_message
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, Site, SiteKind, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE
from descend.doctor.tape.vocabulary import ATTENTION, RECURRENT

AXES = {"roll": 1, "flip": 0}  # function -> position of its argument for the axes, without counting the input
TIME_MAY_LEAD = RECURRENT | ATTENTION
ORDER = frozenset({*AXES, "getitem", "index_select"})  # These functions change the order of rows.


def moved_examples(snapshot: Snapshot) -> Measurement:
    """Yield the first call that reorders the examples of a batch, but not their targets, as a fact."""
    for recording in snapshot.recordings():
        if any(op.name in TIME_MAY_LEAD for op in recording.ops):
            raise Unavailable("axis 0 may be time instead of the batch, because the network has a layer for sequences")
        found = _RowTracker(recording).reordering_call()
        if found is not None:
            op, axes = found
            site = op.site or _source_line(op, recording, snapshot.recordings()[0])
            snapshot.note_site(SiteKind.MOVED_EXAMPLES, "0", site, op.name)
            yield Fact.of(facts.MovedExamples(op.name, site.line if site else 0, *axes), snapshot.step)
            return


def _source_line(op: Op, recording: Recording, first: Recording) -> Site | None:
    """Return the source line of a call, taken from the same call in the first recording; later ones store no lines."""
    same = [each for each in first.ops if each.name == op.name]
    number = [each for each in recording.ops if each.name == op.name].index(op)
    return same[number].site if number < len(same) else None


class _RowTracker:
    """Determines which example each row of a tensor belongs to, for tensors that are computed from data alone.

    Raises `Unavailable` if the recording has no loss call.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording, self.call = recording, loss_call(recording)
        if self.call is None:
            raise Unavailable(no_loss_call_message(recording))
        self._examples: dict[int, Tensor] = {s: torch.arange(n) for s, n in recording.sizes.items() if n}
        self._sources = {slot: {slot} for slot in self._examples}
        # id of a tensor -> the calls that have moved its rows
        self._moving: dict[int, list[tuple[Op, tuple[tuple[int, ...], int]]]] = {}
        self._made: set[int] = set()
        run_without_graph(recording, self._follow_call)

    def reordering_call(self) -> tuple[Op, tuple[tuple[int, ...], int]] | None:
        """Return the call that reorders only inputs or only targets, with its axes and the dimensions of its input."""
        assert self.call is not None
        inputs, targets = self.recording.input_slot, self.call.target
        sides = [slot for slot in (inputs, targets) if slot in self._examples]
        if len(sides) < 2 or self._sources[sides[0]] & self._sources[sides[1]]:
            return None  # Targets that are computed from the inputs may be shifted on purpose, as in a language model.
        one, other = (self._examples[slot] for slot in sides)
        if one.shape != other.shape or torch.equal(one, other):
            return None
        return next((call for slot in sides for call in self._moving.get(slot, [])), None)

    def _follow_call(self, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store which example each row of a call's result belongs to."""
        slots = [slot for slot in (*op.outputs, *op.written) if slot is not None]
        given = [slot for slot in op.inputs if slot in self._examples]
        is_data = set(op.dependences) <= {NONE} and isinstance(result, Tensor) and result.ndim > 0
        rows = self._examples_of_rows(op, args, kwargs, result, given) if is_data and given else None
        for slot in slots:
            if rows is None:
                self._examples.pop(slot, None)
                continue
            calls = self._moving.get(given[0], [])
            axes = _moved_axes(op, args, kwargs)
            moves = axes is not None and not torch.equal(rows, self._examples[given[0]])
            # The rows of an indexed result come from the tensor, not from the index.
            made_of = given[:1] if op.name.strip("_") in ORDER else given
            self._sources[slot] = set().union(*(self._sources[each] for each in made_of))
            self._moving[slot] = [*calls, (op, axes)] if moves and axes is not None else calls
            self._examples[slot] = rows

    def _examples_of_rows(
        self, op: Op, args: tuple, kwargs: dict, result: Tensor, given: Sequence[int]
    ) -> Tensor | None:
        """Return the number of the example that each row of a result holds; None if unknown or if rows mix examples."""
        before = self._examples[given[0]]
        if op.name.strip("_") not in ORDER:
            alike = all(torch.equal(self._examples[slot], before) for slot in given)
            return before if alike and len(result) == len(before) else None
        if not isinstance(args[0], Tensor) or args[0].ndim == 0 or op.inputs[0] != given[0]:
            return None
        numbers = before.reshape(-1, *[1] * (args[0].ndim - 1)).expand(args[0].shape).to(args[0].device)
        moved = op.func(numbers, *args[1:], **kwargs)
        if moved.ndim == 0:
            return None
        flat = moved.reshape(len(moved), -1)
        return flat[:, 0].cpu() if flat.numel() and bool((flat == flat[:, :1]).all()) else None


def _moved_axes(op: Op, args: tuple, kwargs: dict) -> tuple[tuple[int, ...], int] | None:
    """Return the axes that a call reorders and its input's number of dimensions; None if axis 0 keeps its order."""
    name = op.name.strip("_")
    if name not in AXES or not isinstance(args[0], Tensor):
        return None
    place = 1 + AXES[name]
    given = kwargs.get("dims", args[place] if len(args) == place + 1 else args[place:])
    axes = (given,) if isinstance(given, int) else tuple(given)
    ndim = args[0].ndim
    return (tuple(int(a) for a in axes), ndim) if any(int(a) % ndim == 0 for a in axes) else None
