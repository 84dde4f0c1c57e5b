"""From the calls of a step to those that make its loss, or the reason why they cannot be replayed.

Only what the loss is made of is kept: a validation pass, a metric or an update of the parameters that happened to be
recorded with it goes. What is kept must give the script's loss and gradient at any parameters; what may not is refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from torch import Tensor

from descend.doctor.tape.call import SMOOTH, Op, Slot, is_array
from descend.doctor.tape.copying import is_strided_as
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.recording import Recording
from descend.doctor.tape.trace import UNSEEN_GRAPH, Read, Trace, is_lent
from descend.landscape import custom_function

WRITTEN_DIGITS = 6  # a number of no more digits was written by a person, not computed
_STATISTICS = {
    "batch_norm": (1, 2),
    "instance_norm": (1, 2),
}  # arguments that evaluation reads as they then are


class Refused(Exception):
    """Why a step cannot be replayed."""


def seal(trace: Trace, root: Tensor, delivered: Mapping[int, tuple[Tensor, str]] = MappingProxyType({})) -> Recording:
    """Return the calls that make `root` as a function of the parameters. Raises `Refused` with the reason.

    `delivered` are the tensors, by id, that came from a loader, and from which one.
    """
    slot = trace.known(root)
    if slot is None or slot not in trace.last_op and slot not in trace.foreign:
        raise Refused(
            UNSEEN_GRAPH if root.grad_fn is not None and trace.ops else "the loss was not computed during the step"
        )
    ops, needed = _made_of(trace, slot)
    for foreign in sorted(needed & trace.foreign.keys()):
        raise Refused(trace.foreign[foreign])
    end = trace.last_op[slot]
    _refuse_overwritten(trace, needed, slot, end)
    _refuse_numbers(trace, ops, needed, end)
    _refuse_aliases(trace, ops, needed)
    loaders = {s: delivered[id(trace.tensors[s])][1] for s in needed if id(trace.tensors[s]) in delivered}
    return _recording(trace, tuple(ops.values()), needed, slot, loaders, custom_function(root))


def _made_of(trace: Trace, root: int) -> tuple[dict[int, Op], set[int]]:
    """Return the calls that feed the loss, by index in order, and the slots that they use."""
    needed, storages = {root}, {trace.storages[root]}
    kept: dict[int, Op] = {}
    for index in range(trace.last_op.get(root, -1), -1, -1):
        op = trace.ops[index]
        makes = any(slot in needed for slot in op.outputs)
        if makes or any(trace.storages[slot] in storages for slot in op.written):
            kept[index] = op
            needed.update(op.inputs)
            storages.update(trace.storages[slot] for slot in op.inputs)
    return dict(sorted(kept.items())), needed


def _refuse_overwritten(trace: Trace, needed: set[int], root: int, end: int) -> None:
    used = {trace.storages[slot] for slot in needed}
    for storage, (index, reason) in trace.overwritten.items():
        if storage in used and (index <= end or storage == trace.storages[root]):
            raise Refused(reason)


def _refuse_numbers(trace: Trace, ops: dict[int, Op], needed: set[int], end: int) -> None:
    """Refuse where a number read out of the parameters' descendants may have come back into the loss.

    A number that a person wrote (0.1, 1e-5) has few digits, one that was computed has many.
    """
    numbers = {index: list(_numbers(op)) for index, op in ops.items()} if trace.reads else {}
    begins = next((i for i, op in ops.items() if SMOOTH in op.taints and op.state.grad), end)
    for read in (r for r in trace.reads if r.index <= end):
        later = [number for index, found in numbers.items() if index >= read.index for number in found]
        if any(n == read.number or _is_computed(n) for n in later) or _is_built_after(trace, needed, read, begins):
            raise Refused(f"{read.name}() reads a number that depends on the parameters, and the loss may use it")


def _numbers(op: Op) -> Iterator[float]:
    """Yield the real numbers among a call's arguments; NaN for an array."""
    for leaf in leaves((op.args, op.kwargs)):
        if is_array(leaf):
            yield float("nan")
        elif isinstance(leaf, complex):
            yield from (leaf.real, leaf.imag)
        elif isinstance(leaf, float) or type(leaf).__module__ == "numpy" and type(leaf).__name__.startswith("float"):
            yield float(leaf)


def _is_computed(number: float) -> bool:
    return number != number or float(f"{number:.{WRITTEN_DIGITS}g}") != number


def _is_built_after(trace: Trace, needed: set[int], read: Read, begins: int) -> bool:
    """Whether the loss uses real data made from Python's numbers after the read.

    `from_numpy` is not seen: an array's memory that is first used after an array was read in the middle of the
    forward pass counts as made from it.
    """
    takes_array = read.number is None and read.index > begins
    for slot in needed & trace.externals.keys():
        tensor = trace.tensors[slot]
        built = trace.built.get(id(tensor), (tensor, -1))[1] >= read.index
        lent = takes_array and trace.externals[slot].born >= read.index and is_lent(tensor)
        if tensor.is_floating_point() and (built or lent):
            return True
    return False


def _refuse_aliases(trace: Trace, ops: dict[int, Op], needed: set[int]) -> None:
    """Refuse where the replay would not see that two tensors from before the step share their memory."""
    externals = {slot: e for slot, e in trace.externals.items() if slot in needed}
    parameters = {trace.storages[slot] for slot, e in externals.items() if e.is_parameter}
    data = [trace.storages[slot] for slot, e in externals.items() if not e.is_parameter]
    if parameters & set(data):
        raise Refused("the loss uses a view of a parameter's memory that was made before the step")
    written = {trace.storages[slot] for op in ops.values() for slot in op.written}
    if any(times > 1 and storage in written for storage, times in Counter(data).items()):
        raise Refused("two views of the same data are used and one of them is changed in place")


def _recording(
    trace: Trace, ops: tuple[Op, ...], needed: set[int], root: int, loaders: dict[int, str], custom: str | None
) -> Recording:
    externals = {slot: e for slot, e in trace.externals.items() if slot in needed}
    copies = {slot: e.copy for slot, e in externals.items() if e.copy is not None and not e.is_parameter}
    written = {trace.storages[slot] for op in ops for slot in op.written}
    return Recording(
        ops=ops,
        root=root,
        parameters={slot: e.tensor for slot, e in externals.items() if e.is_parameter},
        data=copies,
        watched={slot: (e.tensor, e.version) for slot, e in externals.items() if e.copy is None and not e.is_parameter},
        statistics={slot: externals[slot].tensor for slot in _statistics(ops) if slot in copies},
        changing=frozenset(
            slot
            for slot, copy in copies.items()
            if trace.storages[slot] in written or not is_strided_as(copy, trace.tensors[slot])
        ),
        leaves=frozenset(slot for slot, e in externals.items() if e.leaf and any(op.name == "grad" for op in ops)),
        derivatives={slot: site for slot, site in trace.derivatives.items() if slot in externals},
        loaders=loaders,
        custom=custom,
        sizes={slot: len(trace.tensors[slot]) if trace.tensors[slot].ndim else 0 for slot in needed},
    )


def _statistics(ops: Iterable[Op]) -> Iterator[int]:
    """Yield the slots of running statistics."""
    for op in ops:
        if op.name in ("batch_norm", "instance_norm"):
            given = [*op.args[1:3], op.kwargs.get("running_mean"), op.kwargs.get("running_var")]
            yield from (argument.index for argument in given if isinstance(argument, Slot))
