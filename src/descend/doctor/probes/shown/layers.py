"""What each layer of a script's step takes: time forwards and backwards, and bytes in, out and held."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.shown.points import Point, looked_on, points, require_finite
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import facts
from descend.doctor.tape import Op, Recording, Stale
from descend.doctor.tape.selection import NotSeparable, example_parts
from descend.doctor.tape.vocabulary import ACTIVATIONS
from descend.landscape.batch_sizes import kept_bytes
from descend.landscape.loss import leaves_at

DIVISIBLE = frozenset({"linear", "conv1d", "conv2d", "conv3d"})  # calls whose outputs several processes can share
TIMES = 5  # the fastest counts


def layers(snapshot: Snapshot) -> Measurement:
    """Yield the `StepCost` of each point."""
    for point in points(snapshot):
        require_finite(point)
        try:
            yield point.fact(_step(snapshot, point))
        except (Stale, RuntimeError, ValueError) as error:
            raise Unavailable(str(error).splitlines()[0]) from None


def _step(snapshot: Snapshot, point: Point) -> facts.StepCost:
    recording = looked_on(snapshot)[0]
    leaves = leaves_at(point.theta)
    whole = recording.loss(snapshot.parameters)
    batch = _fastest(lambda: whole.gradient(point.theta))
    held = kept_bytes(partial(whole.parts[0], leaves), leaves)
    kept = [] if snapshot.optimizer is None else list(snapshot.optimizer.state.values())
    state = [t for each in kept for t in each.values() if isinstance(t, Tensor) and t.ndim]
    return facts.StepCost(
        examples=recording.examples,
        seconds=batch,
        seconds_of_one=_of_one(snapshot, recording, point),
        update_seconds=_update(point, len(state)),
        kept_bytes=held,
        state_bytes=sum(map(_bytes, state)),
        layers=tuple(_shares(snapshot, recording)),
        optimizer=dict(point.optimizer),
    )


def _of_one(snapshot: Snapshot, recording: Recording, point: Point) -> float | None:
    """Return the seconds of a step on one example; none where the step cannot be taken apart."""
    try:
        part = example_parts(recording, snapshot.parameters, evaluation=False)[0]
        return _fastest(lambda: torch.autograd.grad(part(leaves := leaves_at(point.theta)), leaves, allow_unused=True))
    except (NotSeparable, RuntimeError, IndexError, ValueError):
        return None


def _update(point: Point, states: int) -> float:
    """Return the seconds in which parameters, gradients and what the rule keeps go through the processor once."""
    streams = 1 + states / max(1, len(point.theta))
    values, changes = ([t.detach().clone() for t in point.theta] for _ in range(2))
    return streams * _fastest(lambda: torch._foreach_add_(values, changes))


def _shares(snapshot: Snapshot, recording: Recording) -> list[facts.LayerCost]:
    """Return each layer: a call that meets a parameter, and the calls after it that meet none."""
    found: list[facts.LayerCost] = []
    known, between = set[int](), True
    for (op, given, result), seconds in _times(recording):
        weights = [recording.parameters[slot] for slot in op.inputs if slot in recording.parameters]
        if not weights or not result:
            between = between and op.name in ACTIVATIONS
            if found:
                last = found[-1]
                found[-1] = replace(last, seconds=last.seconds + seconds, output_bytes=result or last.output_bytes)
            continue
        is_linear = op.name == "linear"
        name = snapshot.name(weights[0])
        found.append(
            facts.LayerCost(
                name=name.rpartition(".")[0] or name,
                seconds=seconds,
                input_bytes=given,
                output_bytes=result,
                weight_bytes=sum(_bytes(p) for p in weights if id(p) not in known),
                outputs=weights[0].shape[0] if op.name in DIVISIBLE else 0,
                linear=is_linear,
                paired=bool(found) and between and is_linear and found[-1].linear,
                follows=bool(found),
            )
        )
        known.update(map(id, weights))
        between = True
    return found


def _times(recording: Recording) -> list[tuple[tuple[Op, int, int], float]]:
    """Return each call with the bytes of its largest input and of its output, and its seconds forwards."""
    seen: list[tuple[Op, int, int]] = []
    marks: list[list[float]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        marks[-1].append(time.perf_counter())
        if len(marks) == 1:
            weights = {p.data_ptr() for p in recording.parameters.values()}
            given = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor) and a.data_ptr() not in weights]
            seen.append((op, max(map(_bytes, given), default=0), _bytes(result) if isinstance(result, Tensor) else 0))

    with torch.no_grad():
        for _ in range(TIMES):
            marks.append([time.perf_counter()])
            recording.run({}, watch=watch)
    spent = [[after - before for before, after in pairwise(row)] for row in marks]
    return list(zip(seen, map(min, zip(*spent))))


def _fastest(run: Callable[[], Any]) -> float:
    spent: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        run()
        spent.append(time.perf_counter() - began)
    return min(spent)


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
