"""Reduce the recorded calls of a step to those that compute its loss, or refuse with a reason.

Calls for a validation pass, a metric or a parameter update are dropped. The other calls must give the script's own
loss and gradient at any parameters. If this is not certain, the step is refused.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from torch import Tensor

from descend.doctor.tape.call import SMOOTH, Op, Slot, is_array
from descend.doctor.tape.copying import is_strided_as
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.recording import Recording
from descend.doctor.tape.trace import UNSEEN_GRAPH, Read, Trace, has_foreign_memory
from descend.landscape import custom_function

# A number with at most this many digits is taken to be typed by a person; a computed number has more digits.
WRITTEN_DIGITS = 6


class NotReplayable(Exception):
    """Raised if a step cannot be replayed. The message is the reason."""


def finalise(
    trace: Trace, root: Tensor, delivered: Mapping[int, tuple[Tensor, str]] = MappingProxyType({})
) -> Recording:
    """Return a recording of the loss `root` as a function of the parameters, or raise `NotReplayable`.

    `delivered` maps the id of each tensor that a loader returned to the tensor and the loader's name.
    """
    slot = trace.find_slot(root)
    if slot is None or slot not in trace.last_op and slot not in trace.foreign:
        raise NotReplayable(
            UNSEEN_GRAPH if root.grad_fn is not None and trace.ops else "the loss was not computed during the step"
        )
    ops, needed = _upstream_calls(trace, slot)
    for foreign in sorted(needed & trace.foreign.keys()):
        raise NotReplayable(trace.foreign[foreign])
    end = trace.last_op[slot]
    _refuse_overwritten(trace, needed, slot, end)
    _refuse_numbers(trace, ops, needed, end)
    _refuse_aliases(trace, ops, needed)
    loaders = {s: delivered[id(trace.tensors[s])][1] for s in needed if id(trace.tensors[s]) in delivered}
    return _build_recording(trace, tuple(ops.values()), needed, slot, loaders, custom_function(root))


def _upstream_calls(trace: Trace, root: int) -> tuple[dict[int, Op], set[int]]:
    """Return the calls that the loss is computed from, by index, and the slots (numbers) of the tensors they use."""
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
    """Raise `NotReplayable` if a tensor that the loss uses was overwritten by a call that cannot be replayed."""
    used = {trace.storages[slot] for slot in needed}
    for storage, (index, reason) in trace.overwritten.items():
        if storage in used and (index <= end or storage == trace.storages[root]):
            raise NotReplayable(reason)


def _refuse_numbers(trace: Trace, ops: dict[int, Op], needed: set[int], end: int) -> None:
    """Raise `NotReplayable` if Python read a parameter-dependent number and may have passed it back into the loss.

    A number that a person typed (0.1, 1e-5) has few digits; a computed number has many.
    """
    numbers = {index: list(_real_arguments(op)) for index, op in ops.items()} if trace.reads else {}
    begins = next((i for i, op in ops.items() if SMOOTH in op.dependences and op.state.grad), end)
    for read in (r for r in trace.reads if r.index <= end):
        later = [number for index, found in numbers.items() if index >= read.index for number in found]
        if any(n == read.number or _is_computed(n) for n in later) or _is_built_after(trace, needed, read, begins):
            raise NotReplayable(f"{read.name}() reads a number that depends on the parameters, and the loss may use it")


def _real_arguments(op: Op) -> Iterator[float]:
    """Yield each real number among a call's arguments, and NaN for each NumPy array."""
    for leaf in leaves((op.args, op.kwargs)):
        if is_array(leaf):
            yield float("nan")
        elif isinstance(leaf, complex):
            yield from (leaf.real, leaf.imag)
        elif isinstance(leaf, float) or type(leaf).__module__ == "numpy" and type(leaf).__name__.startswith("float"):
            yield float(leaf)


def _is_computed(number: float) -> bool:
    """Return whether a number has more digits than a person would type, and so was probably computed."""
    return number != number or float(f"{number:.{WRITTEN_DIGITS}g}") != number


def _is_built_after(trace: Trace, needed: set[int], read: Read, begins: int) -> bool:
    """Return whether the loss uses a real tensor that was made from Python numbers after the number `read` was read.

    The tape does not see `from_numpy`. If a NumPy array was read during the forward pass, array memory that is used
    for the first time later counts as made from this array.
    """
    takes_array = read.number is None and read.index > begins
    for slot in needed & trace.externals.keys():
        tensor = trace.tensors[slot]
        built = trace.built.get(id(tensor), (tensor, -1))[1] >= read.index
        lent = takes_array and trace.externals[slot].first_use >= read.index and has_foreign_memory(tensor)
        if tensor.is_floating_point() and (built or lent):
            return True
    return False


def _refuse_aliases(trace: Trace, ops: dict[int, Op], needed: set[int]) -> None:
    """Raise `NotReplayable` if tensors from before the step share memory in a way that a replay would not reproduce."""
    externals = {slot: e for slot, e in trace.externals.items() if slot in needed}
    parameters = {trace.storages[slot] for slot, e in externals.items() if e.is_parameter}
    data = [trace.storages[slot] for slot, e in externals.items() if not e.is_parameter]
    if parameters & set(data):
        raise NotReplayable("the loss uses a view of a parameter's memory that was made before the step")
    written = {trace.storages[slot] for op in ops.values() for slot in op.written}
    if any(times > 1 and storage in written for storage, times in Counter(data).items()):
        raise NotReplayable("two views of the same data are used and one of them is changed in place")


def _build_recording(
    trace: Trace, ops: tuple[Op, ...], needed: set[int], root: int, loaders: dict[int, str], custom: str | None
) -> Recording:
    """Return a recording of the calls that compute the loss, with the parameters, data and buffers that they use."""
    externals = {slot: e for slot, e in trace.externals.items() if slot in needed}
    copies = {slot: e.copy for slot, e in externals.items() if e.copy is not None and not e.is_parameter}
    written = {trace.storages[slot] for op in ops for slot in op.written}
    return Recording(
        ops=ops,
        root=root,
        parameters={slot: e.tensor for slot, e in externals.items() if e.is_parameter},
        data=copies,
        watched={slot: (e.tensor, e.version) for slot, e in externals.items() if e.copy is None and not e.is_parameter},
        statistics={slot: externals[slot].tensor for slot in _running_statistics(ops) if slot in copies},
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


def _running_statistics(ops: Iterable[Op]) -> Iterator[int]:
    """Yield the slots (numbers) of the running means and variances that are arguments of normalisation calls."""
    for op in ops:
        if op.name in ("batch_norm", "instance_norm"):
            given = [*op.args[1:3], op.kwargs.get("running_mean"), op.kwargs.get("running_var")]
            yield from (argument.index for argument in given if isinstance(argument, Slot))
