"""The points of a run that are to be shown: the weights at the steps asked for, and the path of the run around them.

The weights are kept when the run comes by, and looked at when the fixed examples are there and the path is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.preconditioner import preconditioner, with_rates
from descend.doctor.probes.shown.saved import saved_weights
from descend.doctor.probes.snapshot import Snapshot, Unavailable
from descend.doctor.probes.wiring import describe_optimizer
from descend.doctor.record import Fact
from descend.doctor.tape import Recording
from descend.landscape import CurvatureUnavailable, Loss
from descend.landscape.room import require_room
from descend.landscape.vectors import flat, row_bytes

PATH_BYTES = 2**28  # for the weights along the path; a network whose path takes more is not followed
LEAST_VECTORS = 6  # as long as the parameters: any question needs the point, a gradient, directions and products
LAST = "last"


@dataclass
class Point:
    """Some weights, and what the optimizer was about to do with them."""

    step: int
    label: str  # first, last, step 40, or the name of a checkpoint
    theta: tuple[Tensor, ...]  # as the snapshot's parameters
    optimizer: Mapping[str, Any]  # its rule and hyper-parameters
    metric: list[Tensor] | None  # what the rule divides the gradient by, with each parameter's own rate in it
    path: list[tuple[int, Tensor]] = field(default_factory=list)  # step and weights, in one row, of the run around it

    def fact(self, seen: Any) -> Fact:
        """Return what was seen at this point, one of the types of `facts`, as it is sent."""
        return Fact.of(seen, self.step, self.label)


def next_step(asked: Mapping[str, Any], step: int) -> float:
    """Return the next step that must be seen: those asked for and as many after each as are followed."""
    if asked["last"]:
        return step + 1
    wanted = (later for at in asked["at"] for later in range(at, at + asked["followed"] + 1))
    return min((later for later in wanted if later > step), default=inf)


def points(snapshot: Snapshot) -> Iterator[Point]:
    """Take note of the weights and yield each point that can be looked at now. Raises `Unavailable`."""
    if not any(p.numel() for p in snapshot.parameters):
        raise Unavailable("there is nothing to look at: the parameters hold no number")
    try:
        require_room(LEAST_VECTORS, snapshot.parameters)
    except CurvatureUnavailable as error:
        raise Unavailable(str(error)) from None
    asked, kept = snapshot.asked, snapshot.memory.setdefault("points", {})
    recent: list[tuple[int, Tensor]] = snapshot.memory.setdefault("recent", [])
    is_kept = row_bytes(snapshot.parameters) * (asked["followed"] + 1) <= PATH_BYTES
    if is_kept and (not recent or recent[-1][0] < snapshot.step):
        recent.append((snapshot.step, flat(snapshot.parameters).clone()))
        del recent[: -asked["followed"] - 1]
    if path := asked.get("checkpoint"):
        if snapshot.monitor and not snapshot.memory.setdefault("checkpoint", False):
            snapshot.memory["checkpoint"] = True
            yield replace(_point(snapshot, "checkpoint"), theta=saved_weights(snapshot, path))
        return
    taken: set[int] = snapshot.memory.setdefault("taken", set())
    for at in asked["at"]:  # a loop without an optimizer is known as a training only after some steps
        if at <= snapshot.step and at not in taken and not snapshot.is_last:
            taken.add(at)
            kept[at] = _point(snapshot, "first" if at == 0 else f"step {snapshot.step}")
    for at, point in list(kept.items()):
        is_followed = snapshot.is_last or snapshot.step >= at + asked["followed"]
        if is_followed and not point.path:
            point.path = [seen for seen in recent if seen[0] >= point.step]
        if is_followed and snapshot.monitor:
            yield kept.pop(at)
    if snapshot.is_last and asked["last"]:
        yield _point(snapshot, LAST, recent)


def _point(snapshot: Snapshot, label: str, path: Sequence[tuple[int, Tensor]] = ()) -> Point:
    return Point(
        snapshot.step,
        label,
        tuple(p.detach().clone() for p in snapshot.parameters),
        {} if snapshot.optimizer is None else describe_optimizer(snapshot.optimizer),
        with_rates(snapshot.optimizer, snapshot.parameters, preconditioner(snapshot.optimizer, snapshot.parameters)),
        list(path),
    )


def require_finite(point: Point) -> None:
    """Raise `Unavailable` for NaN weights."""
    if not all(bool(torch.isfinite(t).all()) for t in point.theta):
        raise Unavailable(f"a weight is not finite at {point.label}: --at names an earlier step")


def loss_at(snapshot: Snapshot, point: Point) -> Loss:
    """Return the cost of the fixed examples as a function of the parameters. Raises `Unavailable` for NaN weights."""
    require_finite(point)
    evaluation = snapshot.asked["evaluation"]
    if evaluation and snapshot.asked.get("checkpoint") and any(r.statistics for r in snapshot.recordings()):
        raise Unavailable("the running statistics are the script's own, not the checkpoint's: leave --evaluation out")
    parts = [r.loss(snapshot.parameters, evaluation=evaluation).parts for r in looked_on(snapshot)]
    return Loss(tuple(part for each in parts for part in each))


def looked_on(snapshot: Snapshot) -> tuple[Recording, ...]:
    """Return the recordings of the fixed examples: a batch that is always the same one, without draws, once."""
    first, *others = snapshot.recordings()
    return (first, *(other for other in others if not _is_same(first, other)))


def _is_same(one: Recording, other: Recording) -> bool:
    if any(op.random is not None for op in other.ops) or one.data.keys() != other.data.keys():
        return False
    if {s: id(t) for s, (t, _) in one.watched.items()} != {s: id(t) for s, (t, _) in other.watched.items()}:
        return False
    return all(torch.equal(tensor, other.data[slot]) for slot, tensor in one.data.items())
