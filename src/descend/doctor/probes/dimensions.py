"""Dimensions confused: a normalisation over a single entry, or dimensions exchanged by a mere change of shape."""

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.loss_call import module_of
from descend.doctor.probes.snapshot import Measurement, Snapshot, chosen_at
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import SOFTMAXES

Lone = tuple[Op, torch.Size]  # a call, and the shape it is given
Exchange = tuple[Op, facts.Exchanged]


def dimensions(snapshot: Snapshot) -> Measurement:
    """Yield the facts `lone_entry` and `exchanged` of the first recorded step, and the sites of what they tell of."""
    recording = snapshot.recordings()[0]
    lone, exchanged = _calls(recording)
    for i, (op, shape) in enumerate(lone):
        snapshot.note_site("lone_entry", str(i), *chosen_at(snapshot, op))
        module = module_of(op)
        name = snapshot.modules(module) if module is not None else ""
        dims = tuple(_others(shape, recording.examples))
        found = facts.LoneEntry(name, tuple(shape), op.name, op.name in SOFTMAXES, dims)
        yield Fact.of(found, snapshot.step, str(i))
    for i, (op, exchange) in enumerate(exchanged):
        snapshot.note_site("exchanged", str(i), op.site, op.name)
        yield Fact.of(exchange, snapshot.step, str(i))


def _calls(recording: Recording) -> tuple[list[Lone], list[Exchange]]:
    """Return the calls that normalise a single entry wherever they are made, and those that exchange dimensions."""
    entries: dict[Any, list[tuple[int, Lone]]] = {}
    exchanged: list[Exchange] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if not args or not isinstance(args[0], Tensor) or not isinstance(result, Tensor) or SMOOTH not in op.taints:
            return
        x = args[0]
        count = _entries(op.name, x, args[1:], kwargs)
        if count is not None:
            entries.setdefault(_where(op), []).append((count, (op, x.shape)))
        elif op.name in ("view", "reshape") and (dims := exchanged_dims(x.shape, result.shape)):
            exchanged.append((op, facts.Exchanged(tuple(x.shape), tuple(result.shape), dims)))

    run_watched(recording, watch)
    lone = [calls[0][1] for calls in entries.values() if all(count == 1 for count, _ in calls)]
    return lone, exchanged


def _where(op: Op) -> Any:
    site, module = (op.origin.site, op.origin.module) if op.origin else (None, None)
    is_layer = isinstance(module, nn.Module) and not list(module.children())
    return id(module) if is_layer else (site.file, site.line, site.column) if site else op


def softmax_dim(x: Tensor, rest: tuple, kwargs: dict) -> int:
    """Return the dimension that a softmax of `x` is taken along; `rest` are its other arguments by position."""
    dim = rest[0] if rest else kwargs.get("dim")
    own_choice = 0 if x.ndim in (0, 1, 3) else 1  # torch.nn.functional's
    return own_choice if dim is None else dim


def _entries(name: str, x: Tensor, rest: tuple, kwargs: dict) -> int | None:
    """Return how many entries the call makes compete, or centres and scales together; None for another call."""
    if name in SOFTMAXES:
        return x.shape[softmax_dim(x, rest, kwargs)] if x.ndim else 1
    if name == "layer_norm":
        return prod(rest[0] if rest else kwargs["normalized_shape"])
    if name == "group_norm":
        groups = rest[0] if rest else kwargs["num_groups"]
        return x.numel() // max(1, len(x) * groups)
    return None


def _others(shape: torch.Size, examples: int) -> Iterator[int]:
    """Yield the dimensions that have more than one entry, the batch's own left out."""
    yield from (i for i, size in enumerate(shape) if size > 1 and not (i == 0 and size == examples))


def exchanged_dims(before: torch.Size, after: torch.Size) -> tuple[int, ...]:
    """Return the order of dimensions that a change of shape pretends to bring about by the sizes; () where none.

    (32, 50, 26) → (32, 26, 50) pretends to (0, 2, 1), though the values stay in the order they were in.
    """
    if len(before) != len(after) or before == after or sorted(before) != sorted(after):
        return ()
    moved = [i for i, (a, b) in enumerate(zip(before, after)) if a != b]
    sizes = [before[i] for i in moved]
    if len(set(sizes)) < len(sizes) or sum(size > 1 for size in sizes) < 2:
        return ()  # which one went where is not told, or the values stay where they belong
    return tuple(moved[sizes.index(after[i])] if i in moved else i for i in range(len(before)))
