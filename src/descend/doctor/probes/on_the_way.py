"""Which calls stand between the data and the network, and between the network and the loss, and how each could be left.

A call that is wrong there is wrong in one of few ways: it should not be there, its sign is turned, its arguments are
exchanged. Which of them changes anything is known from the recording; whether that is for the better, trials tell.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import torch
from torch import Tensor

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.loss_call import loss_call
from descend.doctor.probes.other_arguments import inverted, other_arguments
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, Site, facts
from descend.doctor.record.facts import Edit, EditableCall
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH, Slot
from descend.doctor.tape.vocabulary import ADDITIONS, LOSSES, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

MOST = 12  # edits of each kind: those nearest to the loss, and to the network
SKIPPED = frozenset({"detach", "mean", "sum", "requires_grad_"}) | RESHAPES - {"__getitem__"}
FITTED = LOSSES | {"kl_div", "poisson_nll_loss", "gaussian_nll_loss"}  # of (input, target): which is which is known
Note = Callable[[str, str, Site | None, str], None]  # of a site: kind, key, where, detail
K = TypeVar("K", bound=facts.OnTheWay)


def on_the_way(snapshot: Snapshot) -> Measurement:
    """Yield the facts `on_inputs`, `on_loss` and `of_loss` of the first recorded step: a call, and an edit of it.

    edit: `skip` (it gives way to what it is applied to), `turn` (plus for minus), `exchange` (two arguments), `set`
    (one argument to another value), `invert` (what is masked for what is not).
    """
    recording, note = snapshot.recordings()[0], snapshot.note_site
    own = before(recording) - _shared(recording)
    yield from told(edits(recording, own, facts.OnInputs), snapshot.step, note)
    yield from told(edits(recording, _after(recording), facts.OnLoss), snapshot.step, note)
    alone = [
        (op.site, facts.OfLoss(function=op.name.strip("_"), line=op.site.line, edit="skip"))
        for op in _of_loss(recording)
        if op.site is not None
    ]
    yield from told(alone, snapshot.step, note)


def _of_loss(recording: Recording) -> Iterator[Op]:
    """Yield the calls that make of the whole loss another number, the last first: a factor, a power.

    Where such a function rises the loss is least where it was; the gradient, and so the step, has another length.
    """
    slot = recording.root
    for op in reversed(recording.ops):
        if slot not in op.outputs and slot not in op.written:
            continue
        if set(op.inputs) - {op.inputs[0]} or recording.sizes[op.inputs[0]] or SMOOTH not in op.taints:
            return
        if op.name not in SKIPPED | NEGATIONS:
            yield op
        slot = op.inputs[0]


def told(found: Sequence[tuple[Site, EditableCall]], step: int, note: Note, of: str = "") -> Iterator[Fact]:
    """Yield the fact of each edit of a call, its place noted; `of` begins their keys."""
    for number, (site, call) in enumerate(found[:MOST]):
        note(facts.name_of(type(call)), f"{of}{number}", site, call.function)
        yield Fact.of(call, step, f"{of}{number}")


def edits(recording: Recording, ops: set[Op], kind: type[K]) -> list[tuple[Site, K]]:
    """Return what changes any of these calls, as facts of that kind, the last call first; one in a loop is one."""
    found: dict[Op, list[Edit]] = {}
    dimensions: dict[Op, int] = {}  # of what a call is made of
    masks: dict[int, Op] = {}  # by their slots, as they are met

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if op not in ops or op.site is None:
            return
        found[op] = list(_edits(op, args, kwargs, result))
        if args and isinstance(args[0], Tensor):
            dimensions[op] = args[0].ndim
        if isinstance(result, Tensor) and result.dtype == torch.bool and op.outputs[0] is not None:
            for slot in op.inputs:  # it is made into another
                masks.pop(slot, None)
            masks[op.outputs[0]] = op

    loss = run_watched(recording, watch)
    for op, ndim in dimensions.items():
        found[op].extend(other_arguments(recording, loss, op, ndim))
    for op in masks.values():
        found[op].extend(inverted(recording, loss, op))
    fed = set() if recording.input_slot is None else recording.behind(recording.input_slot)
    known: dict[Any, tuple[Site, K]] = {}
    for op, each in reversed(found.items()):
        for edit in reversed(each):
            assert op.site is not None
            feeds = not fed.isdisjoint((*op.outputs, *op.written))
            call = kind(function=op.name.strip("_"), line=op.site.line, feeds=feeds, **asdict(edit))
            known.setdefault((span(op.site), edit), (op.site, call))
    return list(known.values())


def span(site: Site) -> tuple[str, int, int, int]:
    """Return where a call stands."""
    return site.file, site.line, site.column, site.end_column


def before(recording: Recording) -> set[Op]:
    """Return the calls that make what the network, or what it says, meets, of data alone."""
    met = {s for op in recording.ops if max(op.taints, default=NONE) for s, t in zip(op.inputs, op.taints) if t == NONE}
    needed = {slot for slot in met if slot not in recording.parameters}
    for op in reversed(recording.ops):
        if needed.intersection((*op.outputs, *op.written)) and SMOOTH not in op.taints:
            needed.update(op.inputs)
    return {op for op in recording.ops if set(op.taints) == {NONE} and needed.intersection((*op.outputs, *op.written))}


def _shared(recording: Recording) -> set[Op]:
    """Return the calls that both the network's inputs and the targets of the loss are made of.

    Any edit of one changes the task, and not only what the network is given.
    """
    call, slot = loss_call(recording), recording.input_slot
    both = set() if call is None or slot is None else recording.behind(slot) & recording.behind(call.target)
    return {op for op in recording.ops if both.intersection((*op.outputs, *op.written))}


def inner_slots(recording: Recording) -> set[int]:
    """Return the slots of which what comes to a parameter still is made."""
    inner: set[int] = set()
    for op in reversed(recording.ops):
        if recording.parameters.keys() & set(op.inputs) or inner.intersection(op.outputs):
            inner.update(op.inputs)
    return inner


def _after(recording: Recording) -> set[Op]:
    """Return the calls on what the network says, behind its last parameter on every way."""
    inner, meets = inner_slots(recording), recording.parameters.keys()
    return {
        op for op in recording.ops if SMOOTH in op.taints and not meets & set(op.inputs) and not inner & {*op.outputs}
    }


def _edits(op: Op, args: tuple, kwargs: dict, result: Any) -> Iterator[Edit]:
    tensors = [leaf for leaf in args if isinstance(leaf, Tensor)]
    if not isinstance(result, Tensor) or not tensors or op.name in SKIPPED:
        return
    is_second = isinstance(op.args[1], Slot) if len(op.args) > 1 else False
    if op.name in ADDITIONS and is_second and SMOOTH in op.taints:
        yield Edit(edit="turn")
    elif op.name in NEGATIONS or op.name == "__getitem__" and result.shape == tensors[0].shape:
        yield Edit(edit="skip")
    elif SMOOTH in op.taints and op.name in PRODUCTS | QUOTIENTS | ADDITIONS:
        return  # a factor, or a shift: what it is worth is a matter of amounts
    elif result.shape == tensors[0].shape and not torch.equal(result, tensors[0]) and _is_value(result, tensors):
        yield Edit(edit="skip")
    if SMOOTH in op.taints and op.name not in ADDITIONS:
        yield from (Edit(edit="exchange", argument=i) for i in _exchangeable(op, args, kwargs, result))


def _is_value(result: Tensor, tensors: list[Tensor]) -> bool:
    """Whether a result may be given up: a real one, or whole numbers by another convention or in another order."""
    return result.is_floating_point() or result.dtype == tensors[0].dtype != torch.bool


def _exchangeable(op: Op, args: tuple, kwargs: dict, result: Tensor) -> Iterator[int]:
    """Yield which neighbouring arguments, alike in shape and type, give another value when they change places."""
    for i, (a, b) in enumerate(zip(args, args[1:])):
        if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape or a.dtype != b.dtype:
            continue
        if op.name in FITTED and i == 0 and op.taints[0] > op.taints[1]:
            continue
        try:
            other = op.func(*args[:i], b, a, *args[i + 2 :], **kwargs)
        except (RuntimeError, TypeError, ValueError):
            continue
        if isinstance(other, Tensor) and not torch.allclose(other, result, equal_nan=True):
            yield i
