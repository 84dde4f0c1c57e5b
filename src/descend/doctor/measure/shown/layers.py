"""The cost of each layer in one training step: forward and backward time, and bytes read, written and kept."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.shown.points import Point, distinct_recordings, points, require_finite
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import facts
from descend.doctor.tape import Op, Recording, StaleData
from descend.doctor.tape.per_example import NotSeparable, example_losses
from descend.doctor.tape.vocabulary import ACTIVATIONS
from descend.landscape.batch_sizes import kept_bytes
from descend.landscape.loss import leaves_at

# Several processes can each compute a part of the outputs of these layers.
DIVISIBLE = having(Trait.CONVOLUTION) | {"linear"}
TIMES = 5  # number of repetitions, of which the fastest counts


def layers(snapshot: Snapshot) -> Measurement:
    """Yield the time and memory that a training step takes in each layer, at each requested point of the run."""
    for point in points(snapshot):
        require_finite(point)
        try:
            yield point.fact(_step_cost(snapshot, point))
        except (StaleData, RuntimeError, ValueError) as error:
            raise Unavailable(str(error).splitlines()[0]) from None


def _step_cost(snapshot: Snapshot, point: Point) -> facts.StepCost:
    """Return the time and the memory of a training step at one point of the run, in total and for each layer."""
    recording = distinct_recordings(snapshot)[0]
    leaves = leaves_at(point.theta)
    whole = recording.loss(snapshot.parameters)
    batch = _shortest_duration(lambda: whole.gradient(point.theta))
    held = kept_bytes(partial(whole.parts[0], leaves), leaves)
    kept = [] if snapshot.optimizer is None else list(snapshot.optimizer.state.values())
    state = [t for each in kept for t in each.values() if isinstance(t, Tensor) and t.ndim]
    return facts.StepCost(
        examples=recording.batch_size,
        seconds=batch,
        seconds_of_one=_measure_one_example(snapshot, recording, point),
        update_seconds=_measure_memory_traffic(point, len(state)),
        kept_bytes=held,
        state_bytes=sum(map(_size_in_bytes, state)),
        layers=tuple(_layer_costs(snapshot, recording)),
        optimizer=dict(point.optimizer),
    )


def _measure_one_example(snapshot: Snapshot, recording: Recording, point: Point) -> float | None:
    """Return the time of the loss and its gradient for one example, in seconds; None if examples are inseparable."""
    try:
        part = example_losses(recording, snapshot.parameters, evaluation=False)[0]
        return _shortest_duration(
            lambda: torch.autograd.grad(part(leaves := leaves_at(point.theta)), leaves, allow_unused=True)
        )
    except (NotSeparable, RuntimeError, IndexError, ValueError):
        return None


def _measure_memory_traffic(point: Point, states: int) -> float:
    """Return the time, in seconds, to read parameters, gradients and optimizer state from memory once."""
    streams = 1 + states / max(1, len(point.theta))
    values, changes = ([t.detach().clone() for t in point.theta] for _ in range(2))
    return streams * _shortest_duration(lambda: torch._foreach_add_(values, changes))


def _layer_costs(snapshot: Snapshot, recording: Recording) -> list[facts.LayerCost]:
    """Return time and bytes of each layer: a call with parameters, with the calls without parameters after it."""
    found: list[facts.LayerCost] = []
    known, between = set[int](), True
    for (op, given, result), seconds in _measure_calls(recording):
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
                weight_bytes=sum(_size_in_bytes(p) for p in weights if id(p) not in known),
                outputs=weights[0].shape[0] if op.name in DIVISIBLE else 0,
                linear=is_linear,
                paired=bool(found) and between and is_linear and found[-1].linear,
                follows=bool(found),
            )
        )
        known.update(map(id, weights))
        between = True
    return found


def _measure_calls(recording: Recording) -> list[tuple[tuple[Op, int, int], float]]:
    """Return each call, the bytes of its largest input and of its output, and its shortest time in seconds."""
    seen: list[tuple[Op, int, int]] = []
    marks: list[list[float]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the time after each call and, in the first replay, the sizes of its tensors."""
        marks[-1].append(time.perf_counter())
        if len(marks) == 1:
            weights = {p.data_ptr() for p in recording.parameters.values()}
            given = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor) and a.data_ptr() not in weights]
            seen.append(
                (
                    op,
                    max(map(_size_in_bytes, given), default=0),
                    _size_in_bytes(result) if isinstance(result, Tensor) else 0,
                )
            )

    with torch.no_grad():
        for _ in range(TIMES):
            marks.append([time.perf_counter()])
            recording.run({}, watch=watch)
    spent = [[after - before for before, after in pairwise(row)] for row in marks]
    return list(zip(seen, map(min, zip(*spent))))


def _shortest_duration(run: Callable[[], Any]) -> float:
    """Call a function several times and return the shortest duration in seconds."""
    spent: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        run()
        spent.append(time.perf_counter() - began)
    return min(spent)


def _size_in_bytes(tensor: Tensor) -> int:
    """Return the size of a tensor in bytes."""
    return tensor.numel() * tensor.element_size()
