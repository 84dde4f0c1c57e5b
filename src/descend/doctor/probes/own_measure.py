"""Whether the number that a script evaluates tells right answers from others.

The right answers are those that the training loss asks for. They are put in the place of what the network says, and
given to other examples in turn: a number that does not care whose answer it is measures nothing. Nor does one by which
another class for a single example is better than its own: nothing scores better than the truth (Gneiting & Raftery
2007, §2). Of real targets that is not asked: their unit in the evaluation may be another one.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from math import isfinite
from statistics import fmean, pstdev
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from descend.doctor.probes.feeding import fed, run_watched, value_of
from descend.doctor.probes.loss_call import LossCall, class_dim, loss_call
from descend.doctor.probes.on_the_way import Note, span, told
from descend.doctor.probes.other_arguments import changed_along
from descend.doctor.probes.snapshot import Measurement
from descend.doctor.record import Fact, Site, facts
from descend.doctor.record.facts import Edit, OnMeasured
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.vocabulary import RESHAPES

SLIPS = 64  # of the answers for one example
LEAST = 30  # examples: of few, right answers and exchanged ones are often the same
PAIRINGS = 16  # of the answers with other examples
APART = 3.0  # standard deviations of what those score: chance does it once in 700 times
ROUNDING = 1e-4  # of itself: what a number may differ by that is added up in another order
SURE = 10.0  # logit of a right class: what it leaves to the others is not seen in six digits
SEED = 0


@dataclass(frozen=True)
class Behind:
    """What is computed of what the network says, and of what it is held against."""

    recording: Recording  # from what the network says to the number
    said: int  # slots
    targets: int
    shape: torch.Size  # of what the network says

    @property
    def whole(self) -> list[Op]:
        """The calls that make something of what the network says."""
        return [op for op in self.recording.ops if max(op.taints, default=NONE) and op.name not in RESHAPES]

    def score(self, answers: Tensor) -> float:
        """Return the number for other answers; NaN where there is none."""
        try:
            with torch.no_grad():
                number = fed(self.recording, self.said, answers).run({})
        except (RuntimeError, IndexError, TypeError, ValueError):
            return float("nan")
        return float(number) if number.numel() == 1 else float("nan")


@dataclass(frozen=True)
class Scored:
    """What right answers score, what they do when each is given to another example, and what other answers do."""

    right: float
    given_to_others: tuple[float, ...]
    others: tuple[float, ...]
    slips: tuple[float, ...]  # with another class for one example

    @property
    def is_told_apart(self) -> bool:
        """Whether the right ones stand out, by whose they are or as the best or worst of all, and no slip is better."""
        usual = fmean(self.given_to_others)
        nothing = ROUNDING * max(abs(usual), abs(self.right))
        is_paired = abs(self.right - usual) > max(APART * pstdev(self.given_to_others), nothing)
        if not is_paired and self.slips and all(abs(other - self.right) <= nothing for other in self.given_to_others):
            return False  # whose classes they are is not asked
        if not is_paired:
            return self.right < min(self.others) - nothing or self.right > max(self.others) + nothing
        return abs(self.best - usual) <= abs(self.right - usual) + nothing

    @property
    def best(self) -> float:
        """What scores farthest from answers given to others, on the right ones' side: they, or those with a slip."""
        usual = fmean(self.given_to_others)
        return max((self.right, *self.slips), key=lambda value: (value - usual) * (self.right - usual))


def own_measure(evaluation: Recording, trained: Recording, step: int, key: str, note: Note) -> Measurement:
    """Yield the fact `own_measure`, and `on_measured` for edits with which the right answers stand out.

    trained: the fixed examples of the training, by whose loss it is known which answers are right.
    """
    call = loss_call(trained)
    if call is None or call.of_logarithm or call.negated:
        return
    producer = _producer(trained, call)
    if producer is None:
        return
    said = next((op for op in reversed(evaluation.ops) if _is_same(op, producer)), None)
    behind = None if said is None else _behind(evaluation, said, call)
    if behind is None:
        return
    axis = _class_axis(trained, producer, call) if call.task == "classes" else None
    scored = _scored(behind, call, axis)
    if scored is None:
        return
    place = next((op.site for op in behind.whole if op.site is not None), None)
    if not scored.is_told_apart:
        yield from told(list(_mending(behind, call, axis)), step, note, f"{key}.")
    note("own_measure", key, place, "")
    usual = fmean(scored.given_to_others)
    yield Fact.of(facts.OwnMeasure(scored.right, usual, scored.best, scored.is_told_apart), step, key)


def _producer(recording: Recording, call: LossCall) -> Op | None:
    """Return the call that makes what the network says: before its own activation, and before it is reshaped."""
    slot = call.prediction if call.activation is None else call.activation.inputs[0]
    for op in reversed(recording.ops):
        if slot in op.outputs:
            if op.name not in RESHAPES or not op.inputs:
                return op if SMOOTH in op.taints else None
            slot = op.inputs[0]
    return None


def _is_same(op: Op, other: Op) -> bool:
    """Whether two calls are one of the network's: of one module, or in one place."""
    modules = [o.origin.module if o.origin else None for o in (op, other)]
    if op.name != other.name or op.site is None or other.site is None:
        return False
    return modules[0] is modules[1] if modules[0] is not None else span(op.site) == span(other.site)


def _behind(evaluation: Recording, said: Op, call: LossCall) -> Behind | None:
    """Return what comes behind a call of an evaluation; None where that is no number of it and one target."""
    shapes: list[torch.Size] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if op is said and isinstance(result, Tensor):
            shapes.append(result.shape)

    run_watched(evaluation, watch)
    slot = said.outputs[0]
    if slot is None or not shapes:
        return None
    tail = _needed(fed(evaluation, slot, torch.zeros(shapes[0])))
    used = {s for op in tail.ops for s in op.inputs}
    alike = {s for s in _of_data(tail) - {slot} if _may_be_target(value_of(tail, s), shapes[0].numel(), call)}
    targets = [s for s in alike if tail.behind(s) & alike == {s}]  # before anything is made of them
    if slot not in used or len(targets) != 1 or used & evaluation.parameters.keys():
        return None
    return Behind(tail, slot, targets[0], shapes[0])


def _of_data(recording: Recording) -> set[int]:
    """Return the slots that are used and depend on no parameter."""
    used = ((s, taint) for op in recording.ops for s, taint in zip(op.inputs, op.taints))
    return {s for s, taint in used if taint == NONE and s not in recording.parameters}


def _needed(recording: Recording) -> Recording:
    """Return the recording without the calls that its root does not need."""
    needed, ops = {recording.root}, []
    for op in reversed(recording.ops):
        if needed.intersection((*op.outputs, *op.written)):
            needed.update(op.inputs)
            ops.append(op)
    return replace(recording, ops=tuple(reversed(ops)))


def _may_be_target(value: Tensor, numel: int, call: LossCall) -> bool:
    if call.task == "classes":
        is_whole = not value.is_floating_point() and value.dtype != torch.bool
        return is_whole and 1 < value.numel() < numel and numel % value.numel() == 0
    return value.numel() == numel > 1


def _class_axis(trained: Recording, producer: Op, call: LossCall) -> int | None:
    """Return along which dimension of what the network says its classes lie: that which the loss compares."""
    slot, seen, shapes = producer.outputs[0], [], []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if op is producer:
            shapes.append(result.shape)
        if op is call.op:
            seen.append(call.pair(args, kwargs)[0])

    run_watched(trained, watch)
    if slot is None or not shapes or not seen:
        return None
    asked = call.activation.inputs[0] if call.activation else call.prediction
    for axis, size in enumerate(shapes[0]):
        ramp = torch.arange(size).to(seen[0])
        given = ramp.view([-1 if i == axis else 1 for i in range(len(shapes[0]))]).expand(shapes[0]).contiguous()
        cut = fed(replace(trained, root=asked), slot, given)
        with torch.no_grad():
            reached = given if slot == asked else cut.run({})
        along = class_dim(reached)
        expected = ramp.view([-1 if i == along else 1 for i in range(reached.ndim)])
        if reached.shape[along] == size and torch.equal(reached, expected.expand(reached.shape)):
            return axis
    return None


def _scored(behind: Behind, call: LossCall, axis: int | None) -> Scored | None:
    targets = value_of(behind.recording, behind.targets)
    right = _right_answers(targets, behind.shape, call, axis)
    if right is None or len(right) < LEAST:
        return None
    generator = torch.Generator().manual_seed(SEED)
    examples = right.shape[0]
    exchanged = [behind.score(right[torch.randperm(examples, generator=generator)]) for _ in range(PAIRINGS)]
    otherwise = (0 * right, -right) if call.task != "real" else (0 * right, -right, 2 * right)  # twice as sure is right
    others = [behind.score(answers) for answers in otherwise]
    slips = [behind.score(_slipped(right, axis, generator)) for _ in range(SLIPS) if axis]
    known = behind.score(right), tuple(exchanged), tuple(others), tuple(slips)
    return Scored(*known) if all(map(isfinite, (known[0], *exchanged, *others, *slips))) else None


def _slipped(right: Tensor, axis: int, generator: torch.Generator) -> Tensor:
    """Return the answers with another class for one example, wherever it has one."""
    example = int(torch.randint(len(right), (), generator=generator))
    by = 1 + int(torch.randint(max(1, right.shape[axis] - 1), (), generator=generator))
    slipped = right.clone()
    slipped[example] = right[example].roll(by, axis - 1)
    return slipped


def _right_answers(targets: Tensor, shape: torch.Size, call: LossCall, axis: int | None) -> Tensor | None:
    """Return what the network would say if it were right; None where that is not known, or alike for all examples."""
    if call.task == "classes":
        if axis is None:
            return None
        rest = [size for i, size in enumerate(shape) if i != axis]
        classes = targets.long().reshape(rest)
        if not (0 <= int(classes.min()) and int(classes.max()) < shape[axis]):
            return None
        right = SURE * one_hot(classes, shape[axis]).movedim(-1, axis).to(torch.get_default_dtype())
    else:
        right = targets.reshape(shape).to(torch.get_default_dtype())
        if call.task == "binary" and (call.function.endswith("logits") or call.activation is not None):
            right = SURE * (2 * right - 1)
    return None if bool((right == right[:1]).all()) else right


def _mending(behind: Behind, call: LossCall, axis: int | None) -> Iterator[tuple[Site, OnMeasured]]:
    """Yield the edits of calls behind the network with which the right answers stand out."""
    for op, edit, other in _edits(behind):
        ops = tuple(other if each is op else each for each in behind.recording.ops)
        scored = _scored(replace(behind, recording=replace(behind.recording, ops=ops)), call, axis)
        if scored is not None and scored.is_told_apart and op.site is not None:
            yield op.site, OnMeasured(function=op.name, line=op.site.line, **asdict(edit))


def _edits(behind: Behind) -> list[tuple[Op, Edit, Op]]:
    """Return calls that could be otherwise, how, and what they then are."""
    found: list[tuple[Op, Edit, Op]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if not args or not isinstance(args[0], Tensor) or not isinstance(result, Tensor):
            return
        found.extend((op, edit, other) for edit, other in changed_along(op, args[0].ndim))
        if max(op.taints, default=NONE) == NONE and result.shape == args[0].shape and op.name not in RESHAPES:
            found.append((op, Edit(edit="skip"), replace(op, func=_first)))

    run_watched(behind.recording, watch)
    return found


def _first(given: Any, *args: Any, **kwargs: Any) -> Any:
    return given
