"""A recording with something else in the place of one of its data."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.tape import Op, Recording, Stale


def value_of(recording: Recording, slot: int) -> Tensor:
    """Return the value of a slot that does not depend on the parameters. Raises `Unavailable`."""
    if slot in recording.data:
        return recording.data[slot]
    if slot in recording.watched:
        return recording.watched[slot][0].detach()
    caught: list[Tensor] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if slot in op.outputs and isinstance(result, Tensor):
            caught.append(result.detach().clone())

    run_watched(recording, watch, evaluation=True)
    if not caught:
        raise Unavailable("what the network is fed is one of several results of a single call, and cannot be taken out")
    return caught[0]


def fed(recording: Recording, slot: int, examples: Tensor) -> Recording:
    """Return the recording with these examples in the slot."""
    ops = tuple(op for op in recording.ops if slot not in op.outputs or slot in op.inputs)  # it may be changed in place
    watched = {s: seen for s, seen in recording.watched.items() if s != slot}
    return replace(recording, ops=ops, data={**recording.data, slot: examples}, watched=watched)


def run_followed(
    recording: Recording, watch: Callable[[Op, tuple, dict, Any], None]
) -> tuple[Tensor, dict[int, Tensor]]:
    """Compute a recording again with its graph; return the loss and its parameters by slot. Raises `Unavailable`."""
    theta = {s: p.detach().requires_grad_(True) for s, p in recording.parameters.items() if p.is_floating_point()}
    try:
        with torch.enable_grad():
            return recording.run(theta, watch=watch), theta
    except Stale as stale:
        raise Unavailable(str(stale)) from None


def run_watched(
    recording: Recording, watch: Callable[[Op, tuple, dict, Any], None], *, evaluation: bool = False
) -> Tensor:
    """Compute a recording again, without a graph, and show each call; return the loss. Raises `Unavailable`."""
    try:
        with torch.no_grad():
            return recording.run({}, evaluation=evaluation, watch=watch)
    except Stale as stale:
        raise Unavailable(str(stale)) from None
