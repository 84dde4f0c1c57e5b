"""Calls between the data and the network, and between the network and the loss, with edits that change the loss.

A wrong call usually has one of these mistakes: it should not be there, its sign is wrong, or its arguments are
swapped. The recording shows which edits change the result; only trials show which of them improve it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.other_arguments import inverted_mask_edits, other_arguments
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, Site, SiteKind, facts
from descend.doctor.record.facts import Edit, EditableCall
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH, Slot
from descend.doctor.tape.vocabulary import ADDITIONS, LOSSES, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

MOST = 12  # largest number of edits of each kind; the closest to the loss and to the network are kept
SKIPPED = frozenset({"detach", "mean", "sum", "requires_grad_"}) | RESHAPES - {"__getitem__"}
# These losses take the arguments (input, target), in this order.
FITTED = LOSSES | {"kl_div", "poisson_nll_loss", "gaussian_nll_loss"}
# A function that records a place in the source: its arguments are kind, key, place and a detail.
NoteSite = Callable[[SiteKind, str, Site | None, str], None]
K = TypeVar("K", bound=facts.DataPathCall)


def editable_calls(snapshot: Snapshot) -> Measurement:
    """Yield possible edits of calls in the first recorded step: before the network, after it, and on the whole loss.

    The edits are `skip` (use the call's first input), `turn` (exchange plus and minus), `exchange` (two arguments),
    `set` (another value of an argument) and `invert` (a mask).
    """
    recording, note = snapshot.recordings()[0], snapshot.note_site
    own = data_calls(recording) - _calls_on_inputs_and_targets(recording)
    yield from edit_facts(find_edits(recording, own, facts.OnInputs), snapshot.step, note)
    yield from edit_facts(find_edits(recording, _calls_after_network(recording), facts.OnLoss), snapshot.step, note)
    alone = [
        (op.site, facts.OfLoss(function=op.name.strip("_"), line=op.site.line, edit="skip"))
        for op in _loss_rescalings(recording)
        if op.site is not None
    ]
    yield from edit_facts(alone, snapshot.step, note)


def _loss_rescalings(recording: Recording) -> Iterator[Op]:
    """Yield the calls that transform the whole loss, such as a multiplication or a power, in reverse order.

    An increasing function keeps the minimum in place, but changes the length of the gradient and so of the step.
    """
    slot = recording.root
    for op in reversed(recording.ops):
        if slot not in op.outputs and slot not in op.written:
            continue
        if set(op.inputs) - {op.inputs[0]} or recording.sizes[op.inputs[0]] or SMOOTH not in op.dependences:
            return
        if op.name not in SKIPPED | NEGATIONS:
            yield op
        slot = op.inputs[0]


def edit_facts(found: Sequence[tuple[Site, EditableCall]], step: int, note: NoteSite, of: str = "") -> Iterator[Fact]:
    """Yield each possible edit as a fact and record the edited call's source line; `of` is the prefix of the keys."""
    for number, (site, call) in enumerate(found[:MOST]):
        note(SiteKind(facts.name_of(type(call))), f"{of}{number}", site, call.function)
        yield Fact.of(call, step, f"{of}{number}")


def find_edits(recording: Recording, ops: set[Op], kind: type[K]) -> list[tuple[Site, K]]:
    """Return the edits of these calls that change the loss, one per place in the source, as facts of type `kind`."""
    found: dict[Op, list[Edit]] = {}
    dimensions: dict[Op, int] = {}  # for each call: the number of dimensions of its first input
    masks: dict[int, Op] = {}  # id of a mask -> the call that computes the mask

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the possible edits of one call, the number of dimensions of its input, and a mask that it computes."""
        if op not in ops or op.site is None:
            return
        found[op] = list(_possible_edits(op, args, kwargs, result))
        if args and isinstance(args[0], Tensor):
            dimensions[op] = args[0].ndim
        if isinstance(result, Tensor) and result.dtype == torch.bool and op.outputs[0] is not None:
            for slot in op.inputs:  # A mask that is only used to compute another mask does not count.
                masks.pop(slot, None)
            masks[op.outputs[0]] = op

    loss = run_without_graph(recording, watch)
    for op, ndim in dimensions.items():
        found[op].extend(other_arguments(recording, loss, op, ndim))
    for op in masks.values():
        found[op].extend(inverted_mask_edits(recording, loss, op))
    fed = set() if recording.input_slot is None else recording.upstream_slots(recording.input_slot)
    known: dict[Any, tuple[Site, K]] = {}
    for op, each in reversed(found.items()):
        for edit in reversed(each):
            assert op.site is not None
            feeds = not fed.isdisjoint((*op.outputs, *op.written))
            call = kind(function=op.name.strip("_"), line=op.site.line, feeds=feeds, **asdict(edit))
            known.setdefault((source_span(op.site), edit), (op.site, call))
    return list(known.values())


def source_span(site: Site) -> tuple[str, int, int, int]:
    """Return the file, line and columns of a call."""
    return site.file, site.line, site.column, site.end_column


def data_calls(recording: Recording) -> set[Op]:
    """Return the calls on data alone whose results are combined with parameters or with the network's outputs."""
    met = {
        s
        for op in recording.ops
        if max(op.dependences, default=NONE)
        for s, t in zip(op.inputs, op.dependences)
        if t == NONE
    }
    needed = {slot for slot in met if slot not in recording.parameters}
    for op in reversed(recording.ops):
        if needed.intersection((*op.outputs, *op.written)) and SMOOTH not in op.dependences:
            needed.update(op.inputs)
    return {
        op for op in recording.ops if set(op.dependences) == {NONE} and needed.intersection((*op.outputs, *op.written))
    }


def _calls_on_inputs_and_targets(recording: Recording) -> set[Op]:
    """Return the calls whose results both the network's inputs and the targets are computed from.

    An edit of such a call changes the task, not only the inputs.
    """
    call, slot = loss_call(recording), recording.input_slot
    both = (
        set()
        if call is None or slot is None
        else recording.upstream_slots(slot) & recording.upstream_slots(call.target)
    )
    return {op for op in recording.ops if both.intersection((*op.outputs, *op.written))}


def ids_before_parameters(recording: Recording) -> set[int]:
    """Return the ids of the values that are later combined with a parameter, directly or through other calls."""
    inner: set[int] = set()
    for op in reversed(recording.ops):
        if recording.parameters.keys() & set(op.inputs) or inner.intersection(op.outputs):
            inner.update(op.inputs)
    return inner


def _calls_after_network(recording: Recording) -> set[Op]:
    """Return the calls that come after the last use of a parameter on every path to the loss."""
    inner, meets = ids_before_parameters(recording), recording.parameters.keys()
    return {
        op
        for op in recording.ops
        if SMOOTH in op.dependences and not meets & set(op.inputs) and not inner & {*op.outputs}
    }


def _possible_edits(op: Op, args: tuple, kwargs: dict, result: Any) -> Iterator[Edit]:
    """Yield the edits of a call that may help: change a sign (`turn`), remove it (`skip`), or `exchange` arguments."""
    tensors = [leaf for leaf in args if isinstance(leaf, Tensor)]
    if not isinstance(result, Tensor) or not tensors or op.name in SKIPPED:
        return
    is_second = isinstance(op.args[1], Slot) if len(op.args) > 1 else False
    if op.name in ADDITIONS and is_second and SMOOTH in op.dependences:
        yield Edit(edit="turn")
    elif op.name in NEGATIONS or op.name == "__getitem__" and result.shape == tensors[0].shape:
        yield Edit(edit="skip")
    elif SMOOTH in op.dependences and op.name in PRODUCTS | QUOTIENTS | ADDITIONS:
        return  # A factor or a shift in the loss may be too large or too small, but it is not a mistake in itself.
    elif result.shape == tensors[0].shape and not torch.equal(result, tensors[0]) and _can_be_skipped(result, tensors):
        yield Edit(edit="skip")
    if SMOOTH in op.dependences and op.name not in ADDITIONS:
        yield from (Edit(edit="exchange", argument=i) for i in _exchangeable_positions(op, args, kwargs, result))


def _can_be_skipped(result: Tensor, tensors: list[Tensor]) -> bool:
    """Return whether a call's input can replace its result: the result is real, or has its input's integer type."""
    return result.is_floating_point() or result.dtype == tensors[0].dtype != torch.bool


def _exchangeable_positions(op: Op, args: tuple, kwargs: dict, result: Tensor) -> Iterator[int]:
    """Yield the positions of adjacent arguments of equal shape and type whose exchange changes the call's result."""
    for i, (a, b) in enumerate(zip(args, args[1:])):
        if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape or a.dtype != b.dtype:
            continue
        if op.name in FITTED and i == 0 and op.dependences[0] > op.dependences[1]:
            continue
        try:
            other = op.func(*args[:i], b, a, *args[i + 2 :], **kwargs)
        except (RuntimeError, TypeError, ValueError):
            continue
        if isinstance(other, Tensor) and not torch.allclose(other, result, equal_nan=True):
            yield i
