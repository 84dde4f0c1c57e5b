"""How hidden units pass through the calls between the layer that computes them and the layer that reads them.

Each function here either treats all units of a layer alike, or excludes the layer and notes the reason.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.hidden.groups import Units
from descend.doctor.measure.hidden.step import VIEWS, Step
from descend.doctor.tape.vocabulary import ACTIVATIONS, ADDITIONS, CLAMPS

ELEMENTWISE = having(
    Trait.ELEMENTWISE,
    Trait.ACTIVATION,
    Trait.SOFTMAX,
    Trait.DROPOUT,
    Trait.COPY,
    Trait.ADDITION,
    Trait.PRODUCT,
    Trait.QUOTIENT,
    Trait.NEGATION,
)
POOLS = having(Trait.POOLING)
RESIZES = having(Trait.RESIZE)
REDUCTIONS = having(Trait.REDUCTION)
BY_CHANNEL = having(Trait.NORMALISES_CHANNELS)
BY_FEATURE = having(Trait.NORMALISES_FEATURES)
# These functions satisfy f(ax) = a f(x) for all a > 0.
HOMOGENEOUS = having(Trait.HOMOGENEOUS, Trait.DROPOUT, Trait.COPY)


def follow_elementwise(step: Step) -> None:
    """Trace hidden units through an elementwise call, whose arguments are broadcast."""
    if step.name in ACTIVATIONS:
        for _, _, units in step.input_units():
            units.group.root.activations.add("relu" if _is_rectifier(step) else step.name.rstrip("_"))
    if not (step.name in HOMOGENEOUS or _is_rectifier(step) or _is_sum(step)):
        step.mark_not_proportional()
    for slot, value in step.results():
        step.set_units(slot, {d: u for d in range(value.ndim) if (u := _common_units(step, value, d)) is not None})


def _is_rectifier(step: Step) -> bool:
    """Return whether the call is a ReLU, possibly written as a clamp at 0."""
    if step.name in CLAMPS:
        bounds = [*step.args[1:], *step.kwargs.values()]
        return [bound for bound in bounds if bound is not None] == [0] and "max" not in step.kwargs
    return step.name in ("relu", "relu_")


def _is_sum(step: Step) -> bool:
    """Return whether the call adds or subtracts tensors. An added parameter is rescaled together with the units."""
    return step.name in ADDITIONS and len(step.op.inputs) > 1


def _common_units(step: Step, value: Tensor, dim: int) -> Units | None:
    """Merge the groups of a call's arguments along a dimension; return the units of the result there, or None."""
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
        _join_argument(step, met, slot, own)
    return met


def _join_argument(step: Step, units: Units | None, slot: int, dim: int) -> None:
    """Add a parameter's axis to the group of units that it is combined with; for another tensor, exclude the units."""
    assert units is not None
    joined = step.add_axis(units.group, slot, dim)
    if joined is None:
        units.group.exclude(f"in {step.name.strip('_')}, the units are combined with a tensor whose order is fixed")
    elif _is_sum(step):
        units.group.root.scale[joined[0]] = joined[1]


def follow_normalisation(step: Step) -> None:
    """Trace hidden units through a normalisation, whose weight and bias then determine the scale of the units."""
    (out, value), *_ = step.results()
    first = step.op.inputs[0]
    for dim, units in step.units_in(first).items():
        axis = _scale_axis(step, dim, value)
        if axis is None:
            units.group.exclude(f"{step.name} normalises the units by running statistics or in groups")
        elif axis >= 0:
            places = (3, 4) if step.name in BY_CHANNEL else (2, 3)
            slots = [step.slot(place, name) for place, name in zip(places, ("weight", "bias"))]
            joined = [step.add_axis(units.group, slot, axis) for slot in slots if slot is not None]
            units.group.root.scale = {each[0]: each[1] for each in joined if each is not None}
            if not joined or None in joined:
                units.group.root.is_proportional = False
    step.set_units(out, dict(step.units_in(first)))


def _scale_axis(step: Step, dim: int, value: Tensor) -> int | None:
    """Return the axis of a normalisation's weight along the units: −1 without one, None if units are not alike."""
    if step.name in BY_CHANNEL:
        name = "training" if step.name == "batch_norm" else "use_input_stats"
        is_own = step.argument(5, name, step.name != "batch_norm") or step.argument(1, "running_mean") is None
        return None if not is_own else 0 if dim == 1 else -1
    if step.name in BY_FEATURE:
        shape = step.argument(1, "normalized_shape")
        return max(-1, dim - value.ndim + (len(shape) if isinstance(shape, Sequence) else 1))
    if dim != 1:
        return -1
    return 0 if step.argument(1, "num_groups") in (1, value.shape[1]) else None


def follow_view(step: Step) -> None:
    """Trace hidden units through a call that rearranges its argument without arithmetic."""
    source = step.op.inputs[0]
    for slot, value in step.results():
        moved = step.dimension_map(source, value)
        for dim, units in step.units_in(source).items():
            if dim not in moved and units.group.root.count > 1:
                units.group.exclude(f"the units are split by {step.name.strip('_')}")
        step.set_units(slot, {moved[d]: u for d, u in step.units_in(source).items() if d in moved})


def follow_reshape(step: Step) -> None:
    """Trace hidden units through a reshape, which may merge their dimension with the dimensions after it."""
    source = step.op.inputs[0]
    before = step.value[source].shape
    (out, value), *_ = step.results()
    found: dict[int, Units] = {}
    for dim, units in step.units_in(source).items():
        start = prod(before[:dim])
        sizes = ((e, size) for e, size in enumerate(value.shape) if prod(value.shape[:e]) == start and size > 1)
        new = next(((e, size) for e, size in sizes if size % units.size == 0), None)
        if new is None:
            units.group.exclude(f"the units are split by {step.name}")
        else:
            found[new[0]] = Units(units.group, units.block * new[1] // units.size)
    step.set_units(out, found)


def follow_pooling(step: Step) -> None:
    """Trace hidden units through pooling or padding over spatial positions, which treats each channel separately."""
    if step.name == "pad":
        step.mark_not_proportional()
    for slot, value in step.results():
        source = step.op.inputs[0]
        for dim, units in step.units_in(source).items():
            if dim > 1 or value.shape[dim] != units.size:
                units.group.exclude(f"the units are pooled by {step.name}")
        step.set_units(slot, dict(step.units_in(source)))


def follow_reduction(step: Step) -> None:
    """Trace hidden units through a sum, mean or extremum; a reduction over the units treats all units alike."""
    source = step.op.inputs[0]
    ndim = step.value[source].ndim
    given = step.argument(1, "dim", step.kwargs.get("axis"))
    dims = range(ndim) if given is None else [given] if isinstance(given, int) else given
    gone = {d % ndim for d in dims} if ndim and not isinstance(given, Tensor) else set()
    kept = {d: u for d, u in step.units_in(source).items() if d not in gone}
    if len(kept) < len(step.units_in(source)):
        step.mark_not_proportional()
    for slot, value in step.results():
        is_kept = value.ndim == ndim
        step.set_units(slot, {d if is_kept else d - sum(g < d for g in gone): u for d, u in kept.items()})


def follow_concatenation(step: Step) -> None:
    """Trace hidden units through a concatenation or stack, which must not be along the dimension of the units."""
    (out, value), *_ = step.results()
    dim = step.argument(1, "dim", 0) % value.ndim
    is_new = step.name == "stack"
    found: dict[int, Units] = {}
    for _, own, units in step.input_units():
        at = own + (is_new and own >= dim)
        if at == dim:
            units.group.exclude("the units are concatenated with others")
        elif at in found:
            found[at].group.merge(units.group)
        else:
            found[at] = units
    for slot in step.op.inputs:
        for at, units in found.items():
            own = at - (is_new and at > dim)
            if own not in step.units_in(slot) and step.value[slot].shape[own] > 1:
                _join_argument(step, units, slot, own)
    step.set_units(out, found)


RULES: tuple[tuple[frozenset[str], Callable[[Step], Any]], ...] = (
    (BY_CHANNEL | BY_FEATURE | having(Trait.NORMALISES_GROUPS), follow_normalisation),
    (ELEMENTWISE, follow_elementwise),
    (VIEWS, follow_view),
    (RESIZES, follow_reshape),
    (POOLS, follow_pooling),
    (REDUCTIONS, follow_reduction),
    (frozenset({"cat", "concat", "concatenate", "stack"}), follow_concatenation),
)
