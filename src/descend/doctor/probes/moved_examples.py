"""Does a call move the examples of a batch along axis 0 while their targets stay?

    images = torch.roll(images, shift, dims=(0, 1))  # meant (1, 2): axis 0 is the batch

Each row of a tensor is given the number of the example that it came from, and each call moves these numbers as it moves
the rows. Where the inputs and the targets start in the same order, row i of both must end with the same number.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.loss_call import loss_call
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.probes.unread import unread
from descend.doctor.record import Fact, Site, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE
from descend.doctor.tape.vocabulary import RECURRENT

AXES = {"roll": 1, "flip": 0}  # function -> the place after its input at which it takes the axes
TIME_MAY_LEAD = RECURRENT | {"multi_head_attention_forward", "scaled_dot_product_attention"}
ORDER = frozenset({*AXES, "getitem", "index_select"})  # functions that give the rows another order


def moved_examples(snapshot: Snapshot) -> Measurement:
    """Yield the fact `moved_examples` of the first recorded step in which a call parts examples from their targets."""
    for recording in snapshot.recordings():
        if any(op.name in TIME_MAY_LEAD for op in recording.ops):
            raise Unavailable("a layer for sequences may take the time along axis 0, and not the batch")
        found = _Rows(recording).parting_call()
        if found is not None:
            op, axes = found
            site = op.site or _site_of_same(op, recording, snapshot.recordings()[0])
            snapshot.note_site("moved_examples", "0", site, op.name)
            yield Fact.of(facts.MovedExamples(op.name, site.line if site else 0, *axes), snapshot.step)
            return


def _site_of_same(op: Op, recording: Recording, first: Recording) -> Site | None:
    """Return the line of the same call in the first recording: of later ones the lines are not recorded."""
    same = [each for each in first.ops if each.name == op.name]
    number = [each for each in recording.ops if each.name == op.name].index(op)
    return same[number].site if number < len(same) else None


class _Rows:
    """The example in each row of what one recording computes of data alone. Raises `Unavailable`."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.call = recording, loss_call(recording)
        if self.call is None:
            raise Unavailable(unread(recording))
        self._examples: dict[int, Tensor] = {s: torch.arange(n) for s, n in recording.sizes.items() if n}
        self._sources = {slot: {slot} for slot in self._examples}
        self._moving: dict[int, list[tuple[Op, tuple[tuple[int, ...], int]]]] = {}  # slot -> calls that moved its rows
        self._made: set[int] = set()
        run_watched(recording, self._follow)

    def parting_call(self) -> tuple[Op, tuple[tuple[int, ...], int]] | None:
        """Return the call that moves one side and not the other, with its axes and how many its input has."""
        assert self.call is not None
        inputs, targets = self.recording.input_slot, self.call.target
        sides = [slot for slot in (inputs, targets) if slot in self._examples]
        if len(sides) < 2 or self._sources[sides[0]] & self._sources[sides[1]]:
            return None  # targets made of the inputs may be shifted on purpose, as those of a language model are
        one, other = (self._examples[slot] for slot in sides)
        if one.shape != other.shape or torch.equal(one, other):
            return None
        return next((call for slot in sides for call in self._moving.get(slot, [])), None)

    def _follow(self, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        slots = [slot for slot in (*op.outputs, *op.written) if slot is not None]
        given = [slot for slot in op.inputs if slot in self._examples]
        is_data = set(op.taints) <= {NONE} and isinstance(result, Tensor) and result.ndim > 0
        rows = self._moved(op, args, kwargs, result, given) if is_data and given else None
        for slot in slots:
            if rows is None:
                self._examples.pop(slot, None)
                continue
            calls = self._moving.get(given[0], [])
            axes = _axes(op, args, kwargs)
            moves = axes is not None and not torch.equal(rows, self._examples[given[0]])
            made_of = given[:1] if op.name.strip("_") in ORDER else given  # not of the numbers that choose its rows
            self._sources[slot] = set().union(*(self._sources[each] for each in made_of))
            self._moving[slot] = [*calls, (op, axes)] if moves and axes is not None else calls
            self._examples[slot] = rows

    def _moved(self, op: Op, args: tuple, kwargs: dict, result: Tensor, given: Sequence[int]) -> Tensor | None:
        """Return the examples in the rows of a result; None where a row holds several, or that is unknown."""
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


def _axes(op: Op, args: tuple, kwargs: dict) -> tuple[tuple[int, ...], int] | None:
    """Return the axes that a call is given, axis 0 among them, and how many its input has; None for another call."""
    name = op.name.strip("_")
    if name not in AXES or not isinstance(args[0], Tensor):
        return None
    place = 1 + AXES[name]
    given = kwargs.get("dims", args[place] if len(args) == place + 1 else args[place:])
    axes = (given,) if isinstance(given, int) else tuple(given)
    ndim = args[0].ndim
    return (tuple(int(a) for a in axes), ndim) if any(int(a) % ndim == 0 for a in axes) else None
