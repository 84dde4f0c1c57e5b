"""Batch equivariance: whether a step treats the examples of its batch alike."""

from itertools import permutations

import torch
from torch import Tensor

from descend.doctor.measure.equivariance.positions import Position, positions_of
from descend.doctor.measure.equivariance.violation import CONSTANT, GROUPINGS, Equivariance, Positions, Violation
from descend.doctor.measure.loss_call import module_of
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.measure.through_time import BATCH_FIRST, PADDED
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import BROADCASTING, LOSSES, RECURRENT

RESHAPES = GROUPINGS | {"flatten"}
REORDERINGS = {"roll": 1, "flip": 0}  # function -> position of its argument for the axes, without counting the input
RESHAPE = "reshape"  # key of the reshape that an edit should change
MOST_DIMENSIONS = 5  # An order of axes is searched for tensors with at most this many dimensions.


def equivariance(snapshot: Snapshot) -> Measurement:
    """Yield the first call that does not treat the examples of a batch alike, as a fact."""
    recording = snapshot.recordings()[0]
    loaders = {number: snapshot.loader(number) for number in recording.loaders.values()}
    sizes = {number: getattr(loader, "batch_size", None) for number, loader in loaders.items()}
    measured = Equivariance(recording, sizes)
    found = measured.violation()
    if found is None:
        return
    op, kind = found.op, _kind(found)
    module = module_of(op) if op.name in RECURRENT else None
    site = snapshot.made_at(module) if module is not None else op.site
    padded = op.name in RECURRENT and len(op.args) == PADDED
    snapshot.note_site(SiteKind.ORDER_DEPENDENCE, "0", site, op.name.upper() if module is not None else op.name)
    reshape = op if kind == "reshape" else _reshape_before(measured, found) if kind == "pairing" else None
    if reshape is not None:
        snapshot.note_site(SiteKind.ORDER_DEPENDENCE, RESHAPE, reshape.site, reshape.name)
    fact = facts.OrderDependence(
        examples=found.count,
        by=kind,
        function=op.name.strip("_"),
        line=site.line if site else 0,
        shape=found.shape,
        result=found.result,
        in_network=SMOOTH in op.dependences,
        batch_first=bool(op.args[BATCH_FIRST]) if padded else False,
        axes=_moved_axes(op) if kind == "reorder" else (),
        order=_order_before(reshape, measured, found) if reshape is not None else (),
    )
    yield Fact.of(fact, snapshot.step)


def _kind(found: Violation) -> str:
    """Return how a call breaks equivariance."""
    name = found.op.name.strip("_")
    if found.is_crossing:
        return "pairs"
    if name in RECURRENT:
        return "recurrence"
    if name in RESHAPES:
        return "reshape"
    if name in REORDERINGS:
        return "reorder"
    if name in ("gather", "take_along_dim"):
        return "gather"
    placed = [positions for positions in found.positions if () not in positions]
    if len(placed) > 1 and not frozenset.intersection(*map(_blocks, placed)) or name in LOSSES:
        return "pairing"
    return "positions" if name in BROADCASTING and CONSTANT in found.positions else "other"


def _blocks(positions: Positions) -> frozenset[tuple[int, ...]]:
    """Return the outer factors of the axes that hold the examples: how they are ordered along their axis."""
    return frozenset(tuple(outer for _, outer in position) for position in positions)


def _moved_axes(op: Op) -> tuple[int, ...]:
    """Return the axes along which a call of `roll` or `flip` moves values."""
    place = 1 + REORDERINGS[op.name.strip("_")]
    given = op.kwargs.get("dims", op.args[place] if len(op.args) == place + 1 else op.args[place:])
    return (int(given),) if isinstance(given, int) else tuple(int(axis) for axis in given)


def _reshape_before(measured: Equivariance, found: Violation) -> Op | None:
    """Return the reshape after which the loss compares the outputs with the targets, row by row; None without one."""
    slot = next((s for s, kind in zip(found.op.inputs, found.op.dependences) if kind == SMOOTH), None)
    made = [op for op in measured.recording.ops if slot is not None and slot in op.outputs]
    return made[0] if made and made[0].name in RESHAPES else None


def _order_before(reshape: Op, measured: Equivariance, found: Violation) -> tuple[int, ...]:
    """Return an order of axes, such as (1, 0, 2), after which a reshape keeps the examples apart; () without one.

    Before a loss, the examples must then be in the order of the targets.
    """
    shape, result = measured.values[reshape.inputs[0]].shape, measured.results[reshape][0].shape
    place = min(found.places.get(reshape.inputs[0], CONSTANT))
    if len(shape) > MOST_DIMENSIONS or len(place) != 1:
        return ()
    wanted: list[set[Position]]  # positions after the reshape, preferred ones first
    if reshape is found.op:
        times = {axis: size // found.count for axis, size in enumerate(result) if size and size % found.count == 0}
        wanted = [{((axis, 1),) for axis in times if (times[axis] == 1) is is_alone} for is_alone in (True, False)]
    else:
        wanted = [set().union(*(places for places in found.positions if place not in places)) - {()}]
    orders = sorted(permutations(range(len(shape))), key=lambda order: sum(a != b for a, b in enumerate(order)))
    numbers = _example_numbers(shape, place, found.count)
    other = torch.arange(found.count).roll(1)

    def places_after(order: tuple[int, ...]) -> Positions:
        """Return where the examples are if the axes are put into an order before the reshape."""
        one = numbers.permute(order).reshape(result)
        return positions_of(one, other[one], other, scale=0.0)

    tried = ((order, choice) for choice in wanted if choice for order in orders[1:])
    return next((order for order, choice in tried if choice & places_after(order)), ())


def _example_numbers(shape: torch.Size, place: Position, count: int) -> Tensor:
    """Return a tensor of a shape that holds the number of the example to which each entry belongs."""
    ((axis, outer),) = place
    numbers = torch.arange(count).repeat_interleave(shape[axis] // (outer * count)).repeat(outer)
    return numbers.reshape([-1 if dim == axis else 1 for dim in range(len(shape))]).expand(shape)
