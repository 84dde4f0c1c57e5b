"""Layers that compute hidden units and read them: linear, convolutional, embedding, attention and recurrent layers."""

from typing import NamedTuple

from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.hidden.groups import Group, Units
from descend.doctor.measure.hidden.step import Step
from descend.doctor.measure.unit_dimensions import unit_dim

CONVOLUTIONS = having(Trait.CONVOLUTION)
TRANSPOSED = having(Trait.TRANSPOSED_CONVOLUTION)
MATRIX_PRODUCTS = having(Trait.MATRIX_PRODUCT)
LAYERS = CONVOLUTIONS | TRANSPOSED | MATRIX_PRODUCTS | {"linear", "addmm", "embedding"}
GROUPS = (6, "groups")  # the position and name of the argument `groups` of convolutions
# position and name of each argument of multi_head_attention_forward that `follow_attention` reads
PROJECTIONS = ((5, "in_proj_weight"), (11, "out_proj_weight"), (12, "out_proj_bias"))
FEATURES = 2  # the dimension of the features in attention inputs (time, batch, features)
COMPUTED = "the layer's weight is computed from a parameter"
IN_GROUPS = "the units are convolved in groups"


class _Roles(NamedTuple):
    """A layer's input, weight and bias, the unit dimensions of its input and output, and the axes of its weight."""

    x: int | None
    weight: int | None
    bias: int | None
    read: int
    made: int
    reads: int
    makes: int


def follow_layer(step: Step) -> None:
    """Trace hidden units through a layer, which reads the units of its input and computes new units."""
    roles = _find_roles(step)
    (out, value), *_ = step.results()
    passed = dict(step.units_in(roles.x))
    read = passed.pop(roles.read, None)
    if roles.weight is None or not step.is_parameter(roles.weight):
        _exclude_units_of_computed_weight(step, roles, out, value)
        return
    is_grouped = step.name in CONVOLUTIONS | TRANSPOSED and step.argument(*GROUPS, default=1) != 1
    if read is not None:
        _connect_reader(step, read, roles, is_grouped)
    group = _new_group(step, roles, value.shape[roles.made])
    if is_grouped:
        group.exclude(IN_GROUPS)
    for dim, units in passed.items():
        if dim >= value.ndim or value.shape[dim] != units.size:
            units.group.exclude(f"the units are rearranged by {step.name}")
    step.set_units(out, {**{d: u for d, u in passed.items() if not u.group.root.reason}, roles.made: Units(group)})


def _exclude_units_of_computed_weight(step: Step, roles: _Roles, out: int, value: Tensor) -> None:
    """Exclude from permutation the units that a layer reads or computes, if its weight is not a parameter."""
    if roles.weight is None:
        step.exclude(f"in {step.name.strip('_')}, the units are multiplied by a tensor that is not a parameter")
        step.set_units(out, {})
        return
    step.exclude(COMPUTED)
    group = step.analysis.groups.create(value.shape[roles.made])
    group.exclude(COMPUTED)
    step.set_units(out, {roles.made: Units(group)})


def _find_roles(step: Step) -> _Roles:
    """Return which arguments of a call are the layer's input, weight and bias, from the name of its function."""
    name = step.name
    if name == "addmm":
        return _Roles(step.slot(1, "mat1"), step.slot(2, "mat2"), step.slot(0, "input"), 1, 1, 0, 1)
    (_, value), *_ = step.results()
    last = value.ndim - 1
    if name == "embedding":
        return _Roles(None, step.slot(1, "weight"), None, -1, last, 0, 1)
    x = step.slot(0, "input")
    ndim = step.value[x].ndim if x is not None and x in step.value else value.ndim
    if name in MATRIX_PRODUCTS:
        weight = step.slot(1, "other") if step.slot(1, "mat2") is None else step.slot(1, "mat2")
        is_layer = weight is not None and step.is_parameter(weight) and step.value[weight].ndim == 2
        return _Roles(x, weight if is_layer else None, None, ndim - 1, last, 0, 1)
    weight, bias = step.slot(1, "weight"), step.slot(2, "bias")
    if name == "linear":
        return _Roles(x, weight, bias, ndim - 1, last, 1, 0)
    channels = unit_dim(f"conv{name[-2:]}", ndim)
    reads, makes = (0, 1) if name in TRANSPOSED else (1, 0)
    return _Roles(x, weight, bias, channels, channels, reads, makes)


def _connect_reader(step: Step, read: Units, roles: _Roles, is_grouped: bool) -> None:
    """Record that a layer reads some hidden units, along an axis of its weight."""
    if is_grouped:
        read.group.exclude(IN_GROUPS)
        return
    joined = step.add_axis(read.group, roles.weight, roles.reads)
    if joined is None:
        read.group.exclude(COMPUTED)
    else:
        read.group.root.readers[joined[0]] = joined[1]


def _new_group(step: Step, roles: _Roles, count: int) -> Group:
    """Create the group of the hidden units that a weight computes, and return it."""
    assert roles.weight is not None
    group = step.analysis.groups.create(count, step.analysis.parameter_of[roles.weight])
    weight = step.add_axis(group, roles.weight, roles.makes)
    bias = step.add_axis(group, roles.bias, -1)
    if weight is None:
        group.exclude(COMPUTED)
    group.root.scale |= {joined[0]: joined[1] for joined in (weight, bias) if joined is not None}
    if roles.bias is not None and bias is None:
        group.root.is_proportional = False  # The bias is not a parameter, so it does not scale with the units.
    return group


def follow_attention(step: Step) -> None:
    """Trace hidden units through attention: it reads query, key and value; its output projection computes new units."""
    packed, weight, bias = (step.slot(*place) for place in PROJECTIONS)
    step.mark_not_proportional()
    for _, dim, units in step.input_units():
        if dim == FEATURES and step.add_axis(units.group, packed, 1) is None:
            units.group.exclude(COMPUTED)
        elif dim != FEATURES:
            units.group.exclude("the units are attended to")
    (out, value), *_ = step.results()
    group = step.analysis.groups.create(
        value.shape[-1], None if weight is None else step.analysis.parameter_of.get(weight)
    )
    if step.add_axis(group, weight, 0) is None:
        group.exclude(COMPUTED)
    step.add_axis(group, bias, 0)
    group.root.is_proportional = False
    step.set_units(out, {value.ndim - 1: Units(group)})


def exclude_recurrent(step: Step) -> None:
    """Exclude the hidden units of a recurrent layer, and the units that it reads, from permutation."""
    step.exclude("the units are read by a recurrent layer")
    (_, value), *_ = step.results()
    weight = next((slot for slot in step.op.inputs if step.is_parameter(slot)), None)
    step.analysis.groups.create(value.shape[-1], weight).exclude(
        "the units are recurrent, so all gates need the same order"
    )
