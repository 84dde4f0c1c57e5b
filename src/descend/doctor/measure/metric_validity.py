"""Whether the script's own evaluation metric distinguishes right predictions from wrong ones.

The right outputs are those that minimise the training loss. These outputs replace the network's outputs, and are
then assigned to other examples: a metric with the same value for both measures nothing. The same holds for a metric
that improves if one example gets another class, since nothing scores better than the truth (Gneiting & Raftery 2007,
§2). This second test is skipped for real targets, whose unit may differ in the evaluation.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from math import isfinite
from statistics import fmean, pstdev
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.editable_calls import NoteSite, edit_facts, source_span
from descend.doctor.measure.loss_call import LossCall, loss_call
from descend.doctor.measure.other_arguments import argument_changes
from descend.doctor.measure.replay import run_without_graph, slot_value, with_data
from descend.doctor.measure.right_outputs import number_outputs, right_outputs
from descend.doctor.measure.snapshot import Measurement
from descend.doctor.record import Fact, Site, SiteKind, facts
from descend.doctor.record.facts import Edit, OnMeasured
from descend.doctor.record.task import Task
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.vocabulary import RESHAPES

SLIPS = 64  # number of trials in which one example gets a different class
LEAST = 30  # With fewer examples than this, shuffled outputs are often right by chance.
PAIRINGS = 16  # number of trials in which the outputs are shuffled over the examples
# smallest difference between right and shuffled outputs, in standard deviations; exceeded by chance once in 700 times
APART = 3.0
ROUNDING = 1e-4  # relative rounding error of a metric whose terms are summed in a different order
SEED = 0
SELECTIONS = frozenset({"__getitem__", "index_select"})


@dataclass(frozen=True)
class MetricTail:
    """The computation of the script's metric from the network's outputs and the targets."""

    recording: Recording  # the calls from the outputs to the metric
    outputs: int  # id of the network's outputs in the recording
    targets: int  # id of the targets in the recording
    shape: torch.Size  # the shape of the network's outputs

    @property
    def calls(self) -> list[Op]:
        """The calls that depend on the outputs, without reshapes."""
        return [op for op in self.recording.ops if max(op.dependences, default=NONE) and op.name not in RESHAPES]

    def score(self, outputs: Tensor) -> float:
        """Return the value of the metric for the given outputs, or NaN if it cannot be computed."""
        try:
            with torch.no_grad():
                number = with_data(self.recording, self.outputs, outputs).run({})
        except (RuntimeError, IndexError, TypeError, ValueError):
            return float("nan")
        return float(number) if number.numel() == 1 else float("nan")


@dataclass(frozen=True)
class MetricScores:
    """The metric's values for the right outputs and for three kinds of wrong outputs."""

    right: float
    shuffled: tuple[float, ...]  # metric of the right outputs, shuffled over the examples
    others: tuple[float, ...]  # metric of zero, negated or doubled outputs
    slips: tuple[float, ...]  # metric of the right outputs with a wrong class for one example

    @property
    def distinguishes_right_outputs(self) -> bool:
        """Return whether the right outputs score differently from shuffled ones, or score best or worst of all."""
        usual = fmean(self.shuffled)
        nothing = ROUNDING * max(abs(usual), abs(self.right))
        is_paired = abs(self.right - usual) > max(APART * pstdev(self.shuffled), nothing)
        if not is_paired and self.slips and all(abs(other - self.right) <= nothing for other in self.shuffled):
            return False  # The metric does not depend on which class belongs to which example.
        if not is_paired:
            return self.right < min(self.others) - nothing or self.right > max(self.others) + nothing
        return abs(self.best - usual) <= abs(self.right - usual) + nothing

    @property
    def best(self) -> float:
        """The metric of right outputs or of those with one wrong class, whichever is farther from the shuffled ones."""
        usual = fmean(self.shuffled)
        return max((self.right, *self.slips), key=lambda value: (value - usual) * (self.right - usual))


def metric_validity(evaluation: Recording, trained: Recording, step: int, key: str, note: NoteSite) -> Measurement:
    """Yield whether the metric distinguishes right from wrong outputs, and edits that repair such a metric.

    `trained` holds the fixed examples of the training; its loss defines which outputs are right.
    """
    call = loss_call(trained)
    if call is None or call.of_logarithm or call.negated:
        return
    producer = _output_call(trained, call)
    if producer is None:
        return
    said = next((op for op in reversed(evaluation.ops) if _is_same_call(op, producer)), None)
    tail = None if said is None else _metric_tail(evaluation, said, call)
    if tail is None:
        return
    numbers = number_outputs(trained, producer, call)
    if numbers is None or call.task != Task.CLASSES and not numbers.are_in_order:
        return  # The targets are not in the order of the outputs, as after a permutation of dimensions.
    axis = numbers.class_dimension if call.task == Task.CLASSES else None
    scored = _metric_scores(tail, call, axis)
    if scored is None:
        return
    place = next((op.site for op in tail.calls if op.site is not None), None)
    if not scored.distinguishes_right_outputs:
        yield from edit_facts(list(_repairing_edits(tail, call, axis)), step, note, f"{key}.")
    note(SiteKind.METRIC_COMPUTATION, key, place, "")
    usual = fmean(scored.shuffled)
    yield Fact.of(
        facts.MetricComputation(scored.right, usual, scored.best, scored.distinguishes_right_outputs), step, key
    )


def _output_call(recording: Recording, call: LossCall) -> Op | None:
    """Return the call that computes the network's outputs, before the output activation and any reshape."""
    slot = call.prediction if call.activation is None else call.activation.inputs[0]
    for op in reversed(recording.ops):
        if slot in op.outputs:
            if op.name not in RESHAPES or not op.inputs:
                return op if SMOOTH in op.dependences else None
            slot = op.inputs[0]
    return None


def _is_same_call(op: Op, other: Op) -> bool:
    """Return whether two calls are the same call of the network, identified by module or by place in the source."""
    modules = [o.origin.module if o.origin else None for o in (op, other)]
    if op.name != other.name or op.site is None or other.site is None:
        return False
    return modules[0] is modules[1] if modules[0] is not None else source_span(op.site) == source_span(other.site)


def _metric_tail(evaluation: Recording, said: Op, call: LossCall) -> MetricTail | None:
    """Return the computation of the metric from the outputs; None unless it uses them and exactly one target."""
    shapes: list[torch.Size] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the shape of the network's outputs."""
        if op is said and isinstance(result, Tensor):
            shapes.append(result.shape)

    run_without_graph(evaluation, watch)
    slot = said.outputs[0]
    if slot is None or not shapes:
        return None
    tail = _without_unused_calls(with_data(evaluation, slot, torch.zeros(shapes[0])))
    used = {s for op in tail.ops for s in op.inputs}
    alike = {s for s in _data_ids(tail) - {slot} if _may_be_target(slot_value(tail, s), shapes[0].numel(), call)}
    targets = [s for s in alike if tail.upstream_slots(s) & alike == {s}]  # only the earliest of several candidates
    if slot not in used or len(targets) != 1 or used & evaluation.parameters.keys():
        return None
    return MetricTail(tail, slot, targets[0], shapes[0])


def _data_ids(recording: Recording) -> set[int]:
    """Return the ids of the values that the recorded calls use and that do not depend on the parameters.

    Values that the calls use only to select examples, as in `targets[indices]`, are left out: neither the indices nor
    all targets belong to the outputs.
    """
    calls = (op for op in recording.ops if not _selects_data(op))
    used = ((s, dependence) for op in calls for s, dependence in zip(op.inputs, op.dependences))
    return {s for s, dependence in used if dependence == NONE and s not in recording.parameters}


def _selects_data(op: Op) -> bool:
    """Return whether a call selects data by a tensor of indices or a mask."""
    return op.name in SELECTIONS and len(op.inputs) > 1 and set(op.dependences) == {NONE}


def _without_unused_calls(recording: Recording) -> Recording:
    """Return the recording without the calls on which its result does not depend."""
    needed, ops = {recording.root}, []
    for op in reversed(recording.ops):
        if needed.intersection((*op.outputs, *op.written)):
            needed.update(op.inputs)
            ops.append(op)
    return replace(recording, ops=tuple(reversed(ops)))


def _may_be_target(value: Tensor, numel: int, call: LossCall) -> bool:
    """Return whether a tensor has the type and the size of targets for `numel` outputs."""
    if call.task == Task.CLASSES:
        is_whole = not value.is_floating_point() and value.dtype != torch.bool
        return is_whole and 1 < value.numel() < numel and numel % value.numel() == 0
    return value.numel() == numel > 1


def _metric_scores(tail: MetricTail, call: LossCall, axis: int | None) -> MetricScores | None:
    """Return the metric's values for right and wrong outputs, or None if any of the values is not finite."""
    targets = slot_value(tail.recording, tail.targets)
    right = right_outputs(targets, tail.shape, call, axis)
    if right is None or len(right) < LEAST:
        return None
    generator = torch.Generator().manual_seed(SEED)
    examples = right.shape[0]
    exchanged = [tail.score(right[torch.randperm(examples, generator=generator)]) for _ in range(PAIRINGS)]
    # Doubled logits are still right, so doubled outputs count as wrong only for real targets.
    otherwise = (0 * right, -right) if call.task != Task.REAL else (0 * right, -right, 2 * right)
    others = [tail.score(outputs) for outputs in otherwise]
    slips = [tail.score(_with_one_wrong_class(right, axis, generator)) for _ in range(SLIPS) if axis]
    known = tail.score(right), tuple(exchanged), tuple(others), tuple(slips)
    return MetricScores(*known) if all(map(isfinite, (known[0], *exchanged, *others, *slips))) else None


def _with_one_wrong_class(right: Tensor, axis: int, generator: torch.Generator) -> Tensor:
    """Return right outputs, changed to a wrong class for one random example."""
    example = int(torch.randint(len(right), (), generator=generator))
    by = 1 + int(torch.randint(max(1, right.shape[axis] - 1), (), generator=generator))
    slipped = right.clone()
    slipped[example] = right[example].roll(by, axis - 1)
    return slipped


def _repairing_edits(tail: MetricTail, call: LossCall, axis: int | None) -> Iterator[tuple[Site, OnMeasured]]:
    """Yield the edits of calls after the network that make the metric distinguish right outputs."""
    for op, edit, other in _possible_edits(tail):
        ops = tuple(other if each is op else each for each in tail.recording.ops)
        scored = _metric_scores(replace(tail, recording=replace(tail.recording, ops=ops)), call, axis)
        if scored is not None and scored.distinguishes_right_outputs and op.site is not None:
            yield op.site, OnMeasured(function=op.name, line=op.site.line, **asdict(edit))


def _possible_edits(tail: MetricTail) -> list[tuple[Op, Edit, Op]]:
    """Return (call, edit, edited call) for each possible edit of the calls between the outputs and the metric."""
    found: list[tuple[Op, Edit, Op]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the possible edits of one call."""
        if not args or not isinstance(args[0], Tensor) or not isinstance(result, Tensor):
            return
        found.extend((op, edit, other) for edit, other in argument_changes(op, args[0].ndim))
        if max(op.dependences, default=NONE) == NONE and result.shape == args[0].shape and op.name not in RESHAPES:
            found.append((op, Edit(edit="skip"), replace(op, func=_first_argument)))

    run_without_graph(tail.recording, watch)
    return found


def _first_argument(given: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the first argument unchanged; this function replaces a skipped call."""
    return given
