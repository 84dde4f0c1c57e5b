"""The requested points of a run: the weights at some steps, and the path of the run after each point.

The weights are kept when the run reaches a step. They are examined later, when the fixed examples and the path are
known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.preconditioner import divide_by_rates, preconditioner
from descend.doctor.measure.shown.checkpoint import checkpoint_weights
from descend.doctor.measure.snapshot import Snapshot, Unavailable
from descend.doctor.measure.wiring import describe_optimizer
from descend.doctor.record import Fact
from descend.doctor.tape import Recording
from descend.landscape import CurvatureUnavailable, Loss
from descend.landscape.memory import require_memory
from descend.landscape.vectors import flat, flat_bytes

PATH_BYTES = 2**28  # memory limit for the weights along the path in bytes; a longer path is not kept
LEAST_VECTORS = 6  # number of parameter-sized vectors that an analysis needs: point, gradient, directions and products
HELD = 32  # The graphs of all fixed batches are stored, since a run has no more than this many.
LAST = "last"


@dataclass
class Point:
    """A point of the run: the weights at one step, with the optimizer's settings."""

    step: int
    label: str  # "first", "last", "step 40", or the name of a checkpoint
    theta: tuple[Tensor, ...]  # the weights, in the order of the snapshot's parameters
    optimizer: Mapping[str, Any]  # the optimizer's class and hyper-parameters
    metric: list[Tensor] | None  # the optimizer's diagonal preconditioner, including relative learning rates
    path: list[tuple[int, Tensor]] = field(default_factory=list)  # (step, flattened weights) from the point on

    def fact(self, seen: Any) -> Fact:
        """Return a result at this point of the run (an object of a class in `facts`) as a fact."""
        return Fact.of(seen, self.step, self.label)


def next_step(asked: Mapping[str, Any], step: int) -> float:
    """Return the next step that must be observed: a requested step, or a step on the path after a requested step."""
    if asked["last"]:
        return step + 1
    wanted = (later for at in asked["at"] for later in range(at, at + asked["followed"] + 1))
    return min((later for later in wanted if later > step), default=inf)


def points(snapshot: Snapshot) -> Iterator[Point]:
    """Keep the present weights, and yield each point of the run that can be examined now. Raises `Unavailable`."""
    if not any(p.numel() for p in snapshot.parameters):
        raise Unavailable("the parameters hold no numbers")
    try:
        require_memory(LEAST_VECTORS, snapshot.parameters)
    except CurvatureUnavailable as error:
        raise Unavailable(str(error)) from None
    asked, kept = snapshot.asked, snapshot.memory.setdefault("points", {})
    recent: list[tuple[int, Tensor]] = snapshot.memory.setdefault("recent", [])
    is_kept = flat_bytes(snapshot.parameters) * (asked["followed"] + 1) <= PATH_BYTES
    if is_kept and (not recent or recent[-1][0] < snapshot.step):
        recent.append((snapshot.step, flat(snapshot.parameters).clone()))
        del recent[: -asked["followed"] - 1]
    if path := asked.get("checkpoint"):
        if snapshot.monitor and not snapshot.memory.setdefault("checkpoint", False):
            snapshot.memory["checkpoint"] = True
            yield replace(_present_point(snapshot, "checkpoint"), theta=checkpoint_weights(snapshot, path))
        return
    taken: set[int] = snapshot.memory.setdefault("taken", set())
    for at in asked["at"]:  # A loop without an optimizer is recognised as training only after some steps.
        if at <= snapshot.step and at not in taken and not snapshot.is_last:
            taken.add(at)
            kept[at] = _present_point(snapshot, "first" if at == 0 else f"step {snapshot.step}")
    for at, point in list(kept.items()):
        is_followed = snapshot.is_last or snapshot.step >= at + asked["followed"]
        if is_followed and not point.path:
            point.path = [seen for seen in recent if seen[0] >= point.step]
        if is_followed and snapshot.monitor:
            yield kept.pop(at)
    if snapshot.is_last and asked["last"]:
        yield _present_point(snapshot, LAST, recent)


def _present_point(snapshot: Snapshot, label: str, path: Sequence[tuple[int, Tensor]] = ()) -> Point:
    """Return the present weights as a point of the run."""
    return Point(
        snapshot.step,
        label,
        tuple(p.detach().clone() for p in snapshot.parameters),
        {} if snapshot.optimizer is None else describe_optimizer(snapshot.optimizer),
        divide_by_rates(
            snapshot.optimizer, snapshot.parameters, preconditioner(snapshot.optimizer, snapshot.parameters)
        ),
        list(path),
    )


def require_finite(point: Point) -> None:
    """Raise `Unavailable` if a weight at a point of the run is NaN or infinite."""
    if not all(bool(torch.isfinite(t).all()) for t in point.theta):
        raise Unavailable(f"a weight is not finite at {point.label}: use --at to choose an earlier step")


def loss_at(snapshot: Snapshot, point: Point) -> Loss:
    """Return the loss of the fixed examples as a function of the parameters. Raises `Unavailable` for NaN weights."""
    require_finite(point)
    evaluation = snapshot.asked["evaluation"]
    if evaluation and snapshot.asked.get("checkpoint") and any(r.statistics for r in snapshot.recordings()):
        raise Unavailable("the running statistics would be those of the script, not the checkpoint; omit --evaluation")
    parts = [r.loss(snapshot.parameters, evaluation=evaluation).parts for r in distinct_recordings(snapshot)]
    return Loss(tuple(part for each in parts for part in each), held=HELD)


def distinct_recordings(snapshot: Snapshot) -> tuple[Recording, ...]:
    """Return the recordings of the fixed examples; if all batches are the same, return one of them."""
    first, *others = snapshot.recordings()
    return (first, *(other for other in others if not _have_equal_data(first, other)))


def _have_equal_data(one: Recording, other: Recording) -> bool:
    """Return whether two recordings have equal data and draw no random numbers."""
    if any(op.random is not None for op in other.ops) or one.data.keys() != other.data.keys():
        return False
    if {s: id(t) for s, (t, _) in one.watched.items()} != {s: id(t) for s, (t, _) in other.watched.items()}:
        return False
    return all(torch.equal(tensor, other.data[slot]) for slot, tensor in one.data.items())
