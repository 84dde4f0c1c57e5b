"""The floors of the fixed examples' loss: a constant's, the output's, and as many along the graph as are needed."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from math import inf

import torch
from torch import Tensor

from descend.doctor.probes.floors.cut import Cut, Values, alike, constants_of, spread
from descend.doctor.probes.floors.floor import Floor, Function, floor
from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.vocabulary import RECURRENT, RESHAPES

CONTRACTIONS = RECURRENT | frozenset(
    "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d matmul __matmul__ __rmatmul__ mm "
    "bmm mv addmm addmv baddbmm einsum tensordot bilinear embedding embedding_bag cdist "
    "multi_head_attention_forward".split()
)
HEAD_EXAMPLES, NETWORK_EXAMPLES = 256, 64  # that floors are minimised over: behind the network, and within it
BARRED = 0.5  # of what a constant leaves: a call that keeps up more bars the way
MOST_COMPUTED = 2e9  # numbers that the calls of the network make in the search: it then takes some 20 s on one core
LEAST_SHARE = 0.02  # of a constant's cost: what is closer to it is no better than a constant


class _Spent(Exception):
    """The search within the network has computed as much as it may."""


class Floors:
    """The floors of some recordings' mean loss. Raises `Unavailable` where the output cannot be told."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._all = [Values(recording) for recording in _first(recordings, HEAD_EXAMPLES)]
        self._few = self._all[: len(_first(recordings, NETWORK_EXAMPLES))]
        self.examples = sum(values.recording.examples for values in self._all)
        self.cost = sum(values.loss for values in self._all) / len(self._all)
        self.ops = self._all[0].said  # a call is known by its place among them
        if any([op.name for op in values.said] != [op.name for op in self.ops] for values in self._all):
            raise Unavailable("the batches' losses are not made by the same calls")
        self.output = _output(self._all[0])
        self.meeting = _meeting(self._all[0], self.output)  # where what was given is compared with it
        self._known: dict[int, float] = {}  # place of the call -> floor after it
        self._left = MOST_COMPUTED
        self._steps = [i for i, op in enumerate(self.ops) if i == self.output or self._is_step(op)]

    @cached_property
    def of_constants(self) -> Floor:
        """The least cost of one output for all examples. Raises `Unavailable`."""
        cuts = self._cuts(self.output)
        if not cuts or not alike(cuts):
            raise Unavailable("the network's output cannot be told from what the loss makes of it")
        start = [torch.stack(means).mean(0) for means in zip(*map(constants_of, cuts))]

        def cost(constants: Sequence[Tensor]) -> Tensor:
            return torch.stack([cut.loss(spread(constants, cut)) for cut in cuts]).mean()

        return floor(cost, start)

    @property
    def whole(self) -> float:
        """What there is to learn: from the cost of a constant down to the lowest floor known."""
        return self.of_constants.value - min(self._known.values())

    @property
    def is_poor(self) -> bool:
        """Whether the run has not come half of the way from a constant to what its output could be."""
        constant, least = self.of_constants.value, self._known[self.output]
        is_much = constant - least > LEAST_SHARE * abs(constant)
        return is_much and self.cost - least > BARRED * (constant - least)

    def floor_after(self, index: int) -> float | None:
        """Return the floor after a call; None where there is no cut, or no least value."""
        if index not in self._known:
            found = self._minimised(index)
            if found is None or not found.is_bounded:
                return None
            self._known[index] = found.value
        return self._known[index]

    def head(self) -> None:
        """Find the floors between the output and where the loss meets what it is compared with."""
        for index in self._steps:
            if self.output < index < (self.meeting or 0) and self.floor_after(index) is None:
                return

    def network(self) -> None:
        """Find the call of the network across which the floor rises above half of what there is to learn.

        A network that is too large for it is left after a part of the search.
        """
        with suppress(_Spent):
            self._search()

    def _search(self) -> None:
        """Bisect the calls up to the output. Raises `_Spent`."""
        steps = [index for index in self._steps if index <= self.output]
        low, high = 0, len(steps) - 1
        if high < 1 or not self._is_barred(steps[low]):
            return
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._is_barred(steps[middle]) else (low, middle)
        self.floor_after(steps[high])

    def falling(self) -> list[tuple[int, float]]:
        """Return the calls with their floors, from the input on: what can be reached before can be reached behind."""
        found, least = [], float("inf")
        for index in sorted(self._known):
            least = min(least, self._known[index])
            found.append((index, least))
        return found

    def crossing(self) -> tuple[int, int] | None:
        """Return two neighbouring calls: across the second the floor falls by most of what a constant leaves.

        Within the network only where it stays as high with the parameters behind it free, too: else they may learn.
        """
        following, known = dict(zip(self._steps, self._steps[1:])), dict(self.falling())
        falls = [(known[a] - known[b], a, b) for a, b in following.items() if a in known and b in known]
        fall, before, behind = max(falls, default=(0.0, 0, 0))
        if not fall > BARRED * self.whole or not self.whole > LEAST_SHARE * abs(self.of_constants.value):
            return None
        return (before, behind) if before >= self.output or self._stays(before, known[behind]) else None

    def has_parameters(self, op: Op) -> bool:
        """Whether a call is given parameters of the network."""
        return not self._all[0].flow.of_weights.isdisjoint(op.inputs)

    def can_be_skipped(self, op: Op) -> bool:
        """Whether a call without parameters leaves the shape of its first input as it is."""
        if self.has_parameters(op) or not op.inputs or len(op.outputs) != 1:
            return False
        made = self._all[0].shape(op.outputs[0])
        return made is not None and made == self._all[0].shape(op.inputs[0])

    def _stays(self, before: int, least: float) -> bool:
        cuts = self._cuts(before)
        used = {slot for op in cuts[0].tail.ops for slot in op.inputs}
        parameters = [tensor for slot, tensor in cuts[0].tail.parameters.items() if slot in used]
        enough = least + BARRED * self.whole
        with suppress(_Spent):
            found = self._minimised(before, parameters, enough=enough)
            return found is not None and found.is_bounded and found.value > enough
        return False

    def _minimised(self, index: int, parameters: Sequence[Tensor] = (), *, enough: float = -inf) -> Floor | None:
        """Minimise the loss after a call; `enough` ends it early. None where there is no cut. Raises `_Spent`."""
        cuts = self._cuts(index)
        if not cuts:
            return None
        function, start = _joint(cuts, parameters)
        numel = sum(values.numel_after(index) for values in self._few) if index < self.output else 0

        def limited(values: Sequence[Tensor]) -> Tensor:
            self._left -= numel
            if self._left < 0:
                raise _Spent
            return function(values)

        return floor(limited, start, enough=enough)

    def _is_barred(self, index: int) -> bool:
        """Whether the floor after a call is high. Only then it is found exactly, and kept."""
        enough = self._known[self.output] + BARRED * self.whole
        if index not in self._known:
            found = self._minimised(index, enough=enough)
            if found is None or not found.is_bounded or not found.value > enough:
                return False
            self._known[index] = found.value
        return self._known[index] > enough

    def _is_step(self, op: Op) -> bool:
        return op.name not in RESHAPES

    def _cuts(self, index: int) -> list[Cut]:
        found = [values.cut(index) for values in (self._all if index >= self.output else self._few)]
        cuts = [cut for cut in found if cut is not None]
        return cuts if len(cuts) == len(found) else []


def _joint(cuts: Sequence[Cut], parameters: Sequence[Tensor] = ()) -> tuple[Function, list[Tensor]]:
    """Return the mean loss of several cuts as a function of all that is free, parameters last, and where it stands."""
    start = [value for cut in cuts for value in cut.free.values()]

    def cost(values: Sequence[Tensor]) -> Tensor:
        weights = {id(known): value for known, value in zip(parameters, values[len(start) :])}
        rest = iter(values)
        losses = []
        for cut in cuts:
            given = {slot: next(rest) for slot in cut.free}
            given |= {slot: weights[id(p)] for slot, p in cut.tail.parameters.items() if id(p) in weights}
            losses.append(cut.loss(given))
        return torch.stack(losses).mean()

    return cost, [*start, *(p.detach() for p in parameters)]


def _first(recordings: Sequence[Recording], examples: int) -> list[Recording]:
    """Return as many as hold so many examples."""
    taken: list[Recording] = []
    for recording in recordings:
        if sum(r.examples for r in taken) >= examples:
            break
        taken.append(recording)
    return taken


def _output(values: Values) -> int:
    """Return the place of the last call in which weights are applied to what is made of data. Raises `Unavailable`."""
    flow, meets = values.flow, []
    for index, op in enumerate(values.said):
        if flow.of_weights.intersection(op.inputs) and flow.of_data.intersection(op.inputs):
            meets.append((op.name in CONTRACTIONS, index))
    if not meets:
        raise Unavailable("no weight of the network is applied to what it is given")
    return max(meets)[1]


def _meeting(values: Values, output: int) -> int | None:
    """Return the place of the call behind the output that takes what the output is compared with, if any."""
    of_both, of_parameters = values.flow.of_both, values.flow.of_parameters
    for index, op in enumerate(values.said[output + 1 :], output + 1):
        others = [slot for slot in op.inputs if values.recording.sizes.get(slot, 0) > 1]
        others = [slot for slot in others if slot not in of_parameters and slot not in values.recording.statistics]
        if others and of_both.intersection(op.inputs):
            return index
    return None
