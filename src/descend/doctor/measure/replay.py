"""Replays of a recording: with its graph, without it, or with other data in one slot."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.tape import Op, Recording, StaleData


def slot_value(recording: Recording, slot: int) -> Tensor:
    """Return the recorded value with the given id, which must not depend on the parameters. Raises `Unavailable`."""
    if slot in recording.data:
        return recording.data[slot]
    if slot in recording.watched:
        return recording.watched[slot][0].detach()
    caught: list[Tensor] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the value with the given id."""
        if slot in op.outputs and isinstance(result, Tensor):
            caught.append(result.detach().clone())

    run_without_graph(recording, watch, evaluation=True)
    if not caught:
        raise Unavailable("the network's input is one of several results of a single call, so it cannot be extracted")
    return caught[0]


def with_data(recording: Recording, slot: int, examples: Tensor) -> Recording:
    """Return the recording with `examples` in place of a recorded value, which is given by its id."""
    # A call that also reads the value is kept, because it changes the value in place.
    ops = tuple(op for op in recording.ops if slot not in op.outputs or slot in op.inputs)
    watched = {s: seen for s, seen in recording.watched.items() if s != slot}
    return replace(recording, ops=ops, data={**recording.data, slot: examples}, watched=watched)


def run_with_graph(
    recording: Recording, watch: Callable[[Op, tuple, dict, Any], None]
) -> tuple[Tensor, dict[int, Tensor]]:
    """Replay a recording with its autograd graph; return loss and parameters by id. Raises `Unavailable`."""
    theta = {s: p.detach().requires_grad_(True) for s, p in recording.parameters.items() if p.is_floating_point()}
    try:
        with torch.enable_grad():
            return recording.run(theta, watch=watch), theta
    except StaleData as stale:
        raise Unavailable(str(stale)) from None


def run_without_graph(
    recording: Recording,
    watch: Callable[[Op, tuple, dict, Any], None],
    *,
    evaluation: bool = False,
    double: bool = False,
) -> Tensor:
    """Replay a recording without a graph and pass each call to `watch`; return the loss. Raises `Unavailable`.

    double: whether to compute in float64.
    """
    try:
        with torch.no_grad():
            return recording.run({}, evaluation=evaluation, watch=watch, double=double)
    except StaleData as stale:
        raise Unavailable(str(stale)) from None
