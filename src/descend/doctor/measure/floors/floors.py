"""The lowest possible loss on the fixed examples with a constant output, with a free output, and after inner calls."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from math import inf

import torch
from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.floors.cut import Cut, Values, expand_constants, have_same_shapes, mean_values
from descend.doctor.measure.floors.floor import Floor, Function, minimise
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.vocabulary import RESHAPES

CONTRACTIONS = having(Trait.RECURRENT, Trait.LINEAR_LAYER, Trait.CONTRACTION)
# Largest number of examples for which the lowest loss is computed, after the network's output and inside it.
HEAD_EXAMPLES, NETWORK_EXAMPLES = 256, 64
# A call blocks learning if the lowest loss after it is above this share of the reduction that can be learned.
BLOCKED = 0.5
MOST_COMPUTED = 2e9  # largest number of values that the search inside the network computes (20 s on one core)
LEAST_SHARE = 0.02  # smallest reduction of the best constant's loss that counts, as a share of that loss


class _BudgetExceeded(Exception):
    """Raised if the search inside the network has used its budget."""


class Floors:
    """Computes each call's floor: the lowest mean loss of some recordings if the call's results could be chosen freely.

    Raises `Unavailable` if no output of the network can be identified. `has_time` is called before each computation of
    the loss; the methods raise `Unavailable` as soon as it returns False.
    """

    def __init__(self, recordings: Sequence[Recording], has_time: Callable[[], bool] = lambda: True) -> None:
        self._has_time = has_time
        self._all = [Values(recording) for recording in _take_examples(recordings, HEAD_EXAMPLES)]
        self._few = self._all[: len(_take_examples(recordings, NETWORK_EXAMPLES))]
        self.examples = sum(values.recording.batch_size for values in self._all)
        self.cost = sum(values.loss for values in self._all) / len(self._all)
        self.ops = self._all[0].ops  # the calls whose floors are computed; each is identified by its index here
        if any([op.name for op in values.ops] != [op.name for op in self.ops] for values in self._all):
            raise Unavailable("the losses of the batches are not computed by the same calls")
        self.output = _output_index(self._all[0])
        self.target_call = _target_call_index(
            self._all[0], self.output
        )  # the call that compares the output with the targets
        self._known: dict[int, float] = {}  # index of a call -> lowest loss over all possible results of the call
        self._left = MOST_COMPUTED
        self._steps = [i for i, op in enumerate(self.ops) if i == self.output or op.name not in RESHAPES]

    @cached_property
    def best_constant(self) -> Floor:
        """The smallest loss of a network that returns the same output for all examples. Raises `Unavailable`."""
        cuts = self._cut_all_batches(self.output)
        if not cuts or not have_same_shapes(cuts):
            raise Unavailable("the network's output cannot be separated from the computation of the loss")
        start = [torch.stack(means).mean(0) for means in zip(*map(mean_values, cuts))]

        def cost(constants: Sequence[Tensor]) -> Tensor:
            """Return the mean loss over all batches for a constant output."""
            self._require_time()
            return torch.stack([cut.loss(expand_constants(constants, cut)) for cut in cuts]).mean()

        return minimise(cost, start)

    @property
    def learnable_reduction(self) -> float:
        """The loss of the best constant output minus the lowest possible loss: how much can be learned."""
        return self.best_constant.value - min(self._known.values())

    @property
    def is_far_from_floor(self) -> bool:
        """Return whether the loss is nearer to that of the best constant output than to the lowest possible loss."""
        constant, least = self.best_constant.value, self._known[self.output]
        is_much = constant - least > LEAST_SHARE * abs(constant)
        return is_much and self.cost - least > BLOCKED * (constant - least)

    def floor_after(self, index: int) -> float | None:
        """Return the lowest possible loss after a call; None if it cannot be computed or is unbounded below."""
        if index not in self._known:
            found = self._minimum_after(index)
            if found is None or not found.is_bounded:
                return None
            self._known[index] = found.value
        return self._known[index]

    def find_head_floors(self) -> None:
        """Compute the lowest possible loss after each call between the network's output and the use of the targets."""
        for index in self._steps:
            if self.output < index < (self.target_call or 0) and self.floor_after(index) is None:
                return

    def find_network_floors(self) -> None:
        """Find the call in the network that blocks learning: before it, the lowest possible loss is too high.

        For a network that is too large, the search stops when its budget is used.
        """
        with suppress(_BudgetExceeded):
            self._bisect_network()

    def _bisect_network(self) -> None:
        """Find by bisection the first call after which the lowest possible loss is low. Raises `_BudgetExceeded`."""
        steps = [index for index in self._steps if index <= self.output]
        low, high = 0, len(steps) - 1
        if high < 1 or not self._is_floor_high(steps[low]):
            return
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._is_floor_high(steps[middle]) else (low, middle)
        self.floor_after(steps[high])

    def known_floors(self) -> list[tuple[int, float]]:
        """Return (index of a call, lowest possible loss after it) in the order of the calls, made non-increasing."""
        found, least = [], float("inf")
        for index in sorted(self._known):
            least = min(least, self._known[index])
            found.append((index, least))
        return found

    def largest_fall(self) -> tuple[int, int] | None:
        """Return two consecutive calls between which the lowest possible loss falls by most of what can be learned.

        Inside the network, this counts only if the floor stays high when the later parameters are free too. Otherwise
        training could lower it.
        """
        following, known = dict(zip(self._steps, self._steps[1:])), dict(self.known_floors())
        falls = [(known[a] - known[b], a, b) for a, b in following.items() if a in known and b in known]
        fall, before, after = max(falls, default=(0.0, 0, 0))
        learnable = self.learnable_reduction
        if not fall > BLOCKED * learnable or not learnable > LEAST_SHARE * abs(self.best_constant.value):
            return None
        return (before, after) if before >= self.output or self._stays_high(before, known[after]) else None

    def has_parameters(self, op: Op) -> bool:
        """Return whether a call uses parameters of the network."""
        return not self._all[0].flow.of_weights.isdisjoint(op.inputs)

    def can_be_skipped(self, op: Op) -> bool:
        """Return whether a call has no parameters and keeps the shape of its first input."""
        if self.has_parameters(op) or not op.inputs or len(op.outputs) != 1:
            return False
        made = self._all[0].shape(op.outputs[0])
        return made is not None and made == self._all[0].shape(op.inputs[0])

    def _stays_high(self, before: int, least: float) -> bool:
        """Return whether the loss stays high even if a call's results and all later parameters are chosen freely."""
        cuts = self._cut_all_batches(before)
        used = {slot for op in cuts[0].tail.ops for slot in op.inputs}
        parameters = [tensor for slot, tensor in cuts[0].tail.parameters.items() if slot in used]
        enough = least + BLOCKED * self.learnable_reduction
        with suppress(_BudgetExceeded):
            found = self._minimum_after(before, parameters, enough=enough)
            return found is not None and found.is_bounded and found.value > enough
        return False

    def _minimum_after(self, index: int, parameters: Sequence[Tensor] = (), *, enough: float = -inf) -> Floor | None:
        """Minimise the loss over a call's results, down to `enough`; None without a cut. Raises `_BudgetExceeded`."""
        cuts = self._cut_all_batches(index)
        if not cuts:
            return None
        function, start = _joint_loss(cuts, parameters)
        numel = sum(values.numel_after(index) for values in self._few) if index < self.output else 0

        def loss_within_budget(values: Sequence[Tensor]) -> Tensor:
            """Return the loss, or raise `_BudgetExceeded` if too many values have been computed."""
            self._require_time()
            self._left -= numel
            if self._left < 0:
                raise _BudgetExceeded
            return function(values)

        return minimise(loss_within_budget, start, enough=enough)

    def _require_time(self) -> None:
        """Raise `Unavailable` if no time is left for another computation of the loss."""
        if not self._has_time():
            raise Unavailable("the search for the lowest possible loss did not fit into the time for measurements")

    def _is_floor_high(self, index: int) -> bool:
        """Return whether the lowest possible loss after a call blocks learning; if it does, store the exact value."""
        enough = self._known[self.output] + BLOCKED * self.learnable_reduction
        if index not in self._known:
            found = self._minimum_after(index, enough=enough)
            if found is None or not found.is_bounded or not found.value > enough:
                return False
            self._known[index] = found.value
        return self._known[index] > enough

    def _cut_all_batches(self, index: int) -> list[Cut]:
        """Return each batch's recording, cut after a call; an empty list if one of them cannot be cut there."""
        found = [values.cut(index) for values in (self._all if index >= self.output else self._few)]
        cuts = [cut for cut in found if cut is not None]
        return cuts if len(cuts) == len(found) else []


def _joint_loss(cuts: Sequence[Cut], parameters: Sequence[Tensor] = ()) -> tuple[Function, list[Tensor]]:
    """Return the mean loss of several cuts as a function of their free values and of parameters; and where to start."""
    start = [value for cut in cuts for value in cut.free.values()]

    def cost(values: Sequence[Tensor]) -> Tensor:
        """Return the mean loss over all batches for new free values and parameters."""
        weights = {id(known): value for known, value in zip(parameters, values[len(start) :])}
        rest = iter(values)
        losses = []
        for cut in cuts:
            given = {slot: next(rest) for slot in cut.free}
            given |= {slot: weights[id(p)] for slot, p in cut.tail.parameters.items() if id(p) in weights}
            losses.append(cut.loss(given))
        return torch.stack(losses).mean()

    return cost, [*start, *(p.detach() for p in parameters)]


def _take_examples(recordings: Sequence[Recording], examples: int) -> list[Recording]:
    """Return the first recordings that together hold at least the given number of examples, or all of them."""
    taken: list[Recording] = []
    for recording in recordings:
        if sum(r.batch_size for r in taken) >= examples:
            break
        taken.append(recording)
    return taken


def _output_index(values: Values) -> int:
    """Return the index of the call that computes the network's output, the last with weights. Raises `Unavailable`."""
    flow, meets = values.flow, []
    for index, op in enumerate(values.ops):
        if flow.of_weights.intersection(op.inputs) and flow.of_data.intersection(op.inputs):
            meets.append((op.name in CONTRACTIONS, index))
    if not meets:
        raise Unavailable("no weight of the network is applied to the inputs")
    return max(meets)[1]


def _target_call_index(values: Values, output: int) -> int | None:
    """Return the index of the call after the output that takes the targets; None if there is no such call."""
    of_outputs, of_parameters = values.flow.of_outputs, values.flow.of_parameters
    for index, op in enumerate(values.ops[output + 1 :], output + 1):
        others = [slot for slot in op.inputs if values.recording.sizes.get(slot, 0) > 1]
        others = [slot for slot in others if slot not in of_parameters and slot not in values.recording.statistics]
        if others and of_outputs.intersection(op.inputs):
            return index
    return None
