"""What makes units and what reads them: linear and convolutional layers, embeddings, attention."""

from typing import NamedTuple

from torch import Tensor

from descend.doctor.probes.hidden.groups import Group, Units
from descend.doctor.probes.hidden.step import Step
from descend.doctor.probes.units import unit_dim

CONVOLUTIONS = frozenset("conv1d conv2d conv3d".split())
TRANSPOSED = frozenset("conv_transpose1d conv_transpose2d conv_transpose3d".split())
PRODUCTS = frozenset("matmul mm __matmul__".split())
LAYERS = CONVOLUTIONS | TRANSPOSED | PRODUCTS | {"linear", "addmm", "embedding"}
GROUPS = (6, "groups")  # where convolutions are told of their groups
PROJECTIONS = ((5, "in_proj_weight"), (11, "out_proj_weight"), (12, "out_proj_bias"))  # of attention
FEATURES = 2  # the dimension of the features there: (time, batch, features)
COMPUTED = "a weight of theirs is computed from its parameter"
IN_GROUPS = "they are convolved in groups"


class _Roles(NamedTuple):
    """The slots of a layer's arguments, the dimensions that it reads and makes, and the axes of its weight for both."""

    x: int | None
    weight: int | None
    bias: int | None
    read: int
    made: int
    reads: int
    makes: int


def layer(step: Step) -> None:
    """Follow a layer: it reads the units of what it is given, and makes new ones."""
    roles = _roles(step)
    (out, value), *_ = step.made()
    passed = dict(step.units_in(roles.x))
    read = passed.pop(roles.read, None)
    if roles.weight is None or not step.is_parameter(roles.weight):
        _unknown(step, roles, out, value)
        return
    is_grouped = step.name in CONVOLUTIONS | TRANSPOSED and step.given(*GROUPS, default=1) != 1
    if read is not None:
        _read(step, read, roles, is_grouped)
    group = _made(step, roles, value.shape[roles.made])
    if is_grouped:
        group.refuse(IN_GROUPS)
    for dim, units in passed.items():
        if dim >= value.ndim or value.shape[dim] != units.size:
            units.group.refuse(f"they are arranged anew by {step.name}")
    step.give(out, {**{d: u for d, u in passed.items() if not u.group.root.reason}, roles.made: Units(group)})


def _unknown(step: Step, roles: _Roles, out: int, value: Tensor) -> None:
    """What is multiplied with is no parameter: of a weight that is computed from one, units are read and made."""
    if roles.weight is None:
        step.refuse(f"they meet what is no parameter in {step.name.strip('_')}")
        step.give(out, {})
        return
    step.refuse(COMPUTED)
    group = step.known.groups.new(value.shape[roles.made])
    group.refuse(COMPUTED)
    step.give(out, {roles.made: Units(group)})


def _roles(step: Step) -> _Roles:
    name = step.name
    if name == "addmm":
        return _Roles(step.slot(1, "mat1"), step.slot(2, "mat2"), step.slot(0, "input"), 1, 1, 0, 1)
    (_, value), *_ = step.made()
    last = value.ndim - 1
    if name == "embedding":
        return _Roles(None, step.slot(1, "weight"), None, -1, last, 0, 1)
    x = step.slot(0, "input")
    ndim = step.value[x].ndim if x is not None and x in step.value else value.ndim
    if name in PRODUCTS:
        weight = step.slot(1, "other") if step.slot(1, "mat2") is None else step.slot(1, "mat2")
        is_layer = weight is not None and step.is_parameter(weight) and step.value[weight].ndim == 2
        return _Roles(x, weight if is_layer else None, None, ndim - 1, last, 0, 1)
    weight, bias = step.slot(1, "weight"), step.slot(2, "bias")
    if name == "linear":
        return _Roles(x, weight, bias, ndim - 1, last, 1, 0)
    channels = unit_dim(f"conv{name[-2:]}", ndim)
    reads, makes = (0, 1) if name in TRANSPOSED else (1, 0)
    return _Roles(x, weight, bias, channels, channels, reads, makes)


def _read(step: Step, read: Units, roles: _Roles, is_grouped: bool) -> None:
    if is_grouped:
        read.group.refuse(IN_GROUPS)
        return
    joined = step.join(read.group, roles.weight, roles.reads)
    if joined is None:
        read.group.refuse(COMPUTED)
    else:
        read.group.root.readers[joined[0]] = joined[1]


def _made(step: Step, roles: _Roles, count: int) -> Group:
    """Return the group of the units that a weight makes."""
    assert roles.weight is not None
    group = step.known.groups.new(count, step.known.behind[roles.weight])
    weight = step.join(group, roles.weight, roles.makes)
    bias = step.join(group, roles.bias, -1)
    if weight is None:
        group.refuse(COMPUTED)
    group.root.scale |= {joined[0]: joined[1] for joined in (weight, bias) if joined is not None}
    if roles.bias is not None and bias is None:
        group.root.is_proportional = False  # it is added something that is not of the units
    return group


def attention(step: Step) -> None:
    """Follow attention: it reads the units of query, key and value, and makes new ones behind its heads."""
    packed, weight, bias = (step.slot(*place) for place in PROJECTIONS)
    step.bend()
    for _, dim, units in step.held():
        if dim == FEATURES and step.join(units.group, packed, 1) is None:
            units.group.refuse(COMPUTED)
        elif dim != FEATURES:
            units.group.refuse("they are attended to")
    (out, value), *_ = step.made()
    group = step.known.groups.new(value.shape[-1], None if weight is None else step.known.behind.get(weight))
    if step.join(group, weight, 0) is None:
        group.refuse(COMPUTED)
    step.join(group, bias, 0)
    group.root.is_proportional = False
    step.give(out, {value.ndim - 1: Units(group)})


def recurrent(step: Step) -> None:
    """Leave the units of a recurrent layer out, and those that it reads."""
    step.refuse("a recurrent layer reads them")
    (_, value), *_ = step.made()
    weight = next((slot for slot in step.op.inputs if step.is_parameter(slot)), None)
    step.known.groups.new(value.shape[-1], weight).refuse("they are recurrent: their gates go together")
