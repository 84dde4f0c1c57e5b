"""What units go through between the layer that makes them and the one that reads them.

Each rule treats all units alike, or leaves them out with the reason.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch import Tensor

from descend.doctor.probes.hidden.groups import Units
from descend.doctor.probes.hidden.step import SAME, VIEWS, Step
from descend.doctor.tape.vocabulary import ACTIVATIONS, ADDITIONS, CLAMPS, SOFTMAXES

DROPOUTS = frozenset("dropout dropout_ dropout1d dropout2d dropout3d feature_dropout".split())
ELEMENTWISE = (
    ACTIVATIONS
    | SOFTMAXES
    | DROPOUTS
    | SAME
    | ADDITIONS
    | frozenset(
        "__isub__ sub_ mul __mul__ __rmul__ mul_ __imul__ multiply div __truediv__ true_divide div_ __itruediv__ neg "
        "__neg__ abs exp log log1p sqrt rsqrt square pow __pow__ sin cos sign maximum minimum where masked_fill "
        "masked_fill_ alpha_dropout feature_alpha_dropout lerp log_sigmoid rrelu erf gt lt ge le __gt__ __lt__ __ge__ "
        "__le__ heaviside".split()
    )
)
POOLS = frozenset(
    "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d interpolate pad".split()
)
RESHAPES = frozenset("view reshape flatten unflatten view_as reshape_as".split())
REDUCTIONS = frozenset("mean sum amax amin max min".split())
BY_CHANNEL = frozenset({"batch_norm", "instance_norm"})
BY_FEATURE = frozenset({"layer_norm", "rms_norm"})
LINEAR = DROPOUTS | SAME | {"leaky_relu", "leaky_relu_", "prelu", "relu", "relu_"}  # f(ax) = a f(x) for a > 0


def elementwise(step: Step) -> None:
    """Follow a call of each entry for itself, with what it is given broadcast."""
    if step.name in ACTIVATIONS:
        for _, _, units in step.held():
            units.group.root.activations.add("relu" if _is_rectifier(step) else step.name.rstrip("_"))
    if not (step.name in LINEAR or _is_rectifier(step) or _is_sum(step)):
        step.bend()
    for slot, value in step.made():
        step.give(slot, {d: u for d in range(value.ndim) if (u := _met(step, value, d)) is not None})


def _is_rectifier(step: Step) -> bool:
    if step.name in CLAMPS:
        bounds = [*step.args[1:], *step.kwargs.values()]
        return [bound for bound in bounds if bound is not None] == [0] and "max" not in step.kwargs
    return step.name in ("relu", "relu_")


def _is_sum(step: Step) -> bool:
    """Whether it adds nothing but tensors; the parameters among them are scaled with the units."""
    return step.name in ADDITIONS and len(step.op.inputs) > 1


def _met(step: Step, value: Tensor, dim: int) -> Units | None:
    """Return what lies along a dimension of the result, where everything in the call agrees."""
    met: Units | None = None
    others: list[tuple[int, int]] = []
    for slot in dict.fromkeys(step.op.inputs):
        own = dim - value.ndim + step.value[slot].ndim
        if step.name == "prelu" and slot != step.op.inputs[0]:
            own = 0 if dim == min(1, value.ndim - 1) else -1
        if own < 0 or step.value[slot].shape[own] == 1:
            continue
        units = step.units_in(slot).get(own)
        if units is None:
            others.append((slot, own))
        elif met is None:
            met = units
        else:
            met.group.merge(units.group)
    for slot, own in others if met is not None else []:
        _shift(step, met, slot, own)
    return met


def _shift(step: Step, units: Units | None, slot: int, dim: int) -> None:
    """A parameter of the units' own is added, or multiplied with; anything else tells them apart."""
    assert units is not None
    joined = step.join(units.group, slot, dim)
    if joined is None:
        units.group.refuse(f"they meet what has an order of its own in {step.name.strip('_')}")
    elif _is_sum(step):
        units.group.root.scale[joined[0]] = joined[1]


def normalised(step: Step) -> None:
    """Follow normalisation over a batch's own statistics; its weight and bias take the scale over."""
    (out, value), *_ = step.made()
    first = step.op.inputs[0]
    for dim, units in step.units_in(first).items():
        axis = _own_axis(step, dim, value)
        if axis is None:
            units.group.refuse(f"{step.name} treats them by kept statistics or in groups")
        elif axis >= 0:
            places = (3, 4) if step.name in BY_CHANNEL else (2, 3)
            slots = [step.slot(place, name) for place, name in zip(places, ("weight", "bias"))]
            joined = [step.join(units.group, slot, axis) for slot in slots if slot is not None]
            units.group.root.scale = {each[0]: each[1] for each in joined if each is not None}
            if not joined or None in joined:
                units.group.root.is_proportional = False
    step.give(out, dict(step.units_in(first)))


def _own_axis(step: Step, dim: int, value: Tensor) -> int | None:
    """Return the axis of the weight that a dimension meets; −1 for none, None where units are not treated alike."""
    if step.name in BY_CHANNEL:
        name = "training" if step.name == "batch_norm" else "use_input_stats"
        is_own = step.given(5, name, step.name != "batch_norm") or step.given(1, "running_mean") is None
        return None if not is_own else 0 if dim == 1 else -1
    if step.name in BY_FEATURE:
        shape = step.given(1, "normalized_shape")
        return max(-1, dim - value.ndim + (len(shape) if isinstance(shape, Sequence) else 1))
    if dim != 1:
        return -1
    return 0 if step.given(1, "num_groups") in (1, value.shape[1]) else None


def viewed(step: Step) -> None:
    """Follow a call that arranges its argument anew without any arithmetic."""
    source = step.op.inputs[0]
    for slot, value in step.made():
        moved = step.moved(source, value)
        for dim, units in step.units_in(source).items():
            if dim not in moved and units.group.root.count > 1:
                units.group.refuse(f"they are taken apart by {step.name.strip('_')}")
        step.give(slot, {moved[d]: u for d, u in step.units_in(source).items() if d in moved})


def reshaped(step: Step) -> None:
    """Follow a reshape: units may be joined by entries of their own behind them, and what is before them may be too."""
    source = step.op.inputs[0]
    before = step.value[source].shape
    (out, value), *_ = step.made()
    found: dict[int, Units] = {}
    for dim, units in step.units_in(source).items():
        start = prod(before[:dim])
        sizes = ((e, size) for e, size in enumerate(value.shape) if prod(value.shape[:e]) == start and size > 1)
        new = next(((e, size) for e, size in sizes if size % units.size == 0), None)
        if new is None:
            units.group.refuse(f"they are taken apart by {step.name}")
        else:
            found[new[0]] = Units(units.group, units.block * new[1] // units.size)
    step.give(out, found)


def pooled(step: Step) -> None:
    """Follow pooling and padding over the places: each channel for itself."""
    if step.name == "pad":
        step.bend()
    for slot, value in step.made():
        source = step.op.inputs[0]
        for dim, units in step.units_in(source).items():
            if dim > 1 or value.shape[dim] != units.size:
                units.group.refuse(f"they are pooled by {step.name}")
        step.give(slot, dict(step.units_in(source)))


def reduced(step: Step) -> None:
    """Follow a sum, mean or extreme over some dimensions: of all units alike, where it is over them."""
    source = step.op.inputs[0]
    ndim = step.value[source].ndim
    given = step.given(1, "dim", step.kwargs.get("axis"))
    dims = range(ndim) if given is None else [given] if isinstance(given, int) else given
    gone = {d % ndim for d in dims} if ndim and not isinstance(given, Tensor) else set()
    kept = {d: u for d, u in step.units_in(source).items() if d not in gone}
    if len(kept) < len(step.units_in(source)):
        step.bend()
    for slot, value in step.made():
        is_kept = value.ndim == ndim
        step.give(slot, {d if is_kept else d - sum(g < d for g in gone): u for d, u in kept.items()})


def joined(step: Step) -> None:
    """Follow values that are set one behind the other: not along their units."""
    (out, value), *_ = step.made()
    dim = step.given(1, "dim", 0) % value.ndim
    is_new = step.name == "stack"
    found: dict[int, Units] = {}
    for _, own, units in step.held():
        at = own + (is_new and own >= dim)
        if at == dim:
            units.group.refuse("they are set beside others")
        elif at in found:
            found[at].group.merge(units.group)
        else:
            found[at] = units
    for slot in step.op.inputs:
        for at, units in found.items():
            own = at - (is_new and at > dim)
            if own not in step.units_in(slot) and step.value[slot].shape[own] > 1:
                _shift(step, units, slot, own)
    step.give(out, found)


RULES: tuple[tuple[frozenset[str], Callable[[Step], Any]], ...] = (
    (BY_CHANNEL | BY_FEATURE | {"group_norm"}, normalised),
    (ELEMENTWISE, elementwise),
    (VIEWS, viewed),
    (RESHAPES, reshaped),
    (POOLS, pooled),
    (REDUCTIONS, reduced),
    (frozenset({"cat", "concat", "concatenate", "stack"}), joined),
)
