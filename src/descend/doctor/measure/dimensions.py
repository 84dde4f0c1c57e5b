"""Confused dimensions: a normalisation over a single entry, or a reshape in place of a transpose."""

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from descend.doctor.measure.loss_call import module_of
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot, activation_site
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import SOFTMAXES

Lone = tuple[Op, torch.Size]  # a call and the shape of its input
Exchange = tuple[Op, facts.Exchanged]


def dimensions(snapshot: Snapshot) -> Measurement:
    """Yield a fact for each normalisation over a single entry, and for each reshape in place of a transpose."""
    recording = snapshot.recordings()[0]
    lone, exchanged = _find_wrong_dimensions(recording)
    for i, (op, shape) in enumerate(lone):
        snapshot.note_site(SiteKind.LONE_ENTRY, str(i), *activation_site(snapshot, op))
        module = module_of(op)
        name = snapshot.modules(module) if module is not None else ""
        dims = tuple(_long_dimensions(shape, recording.batch_size))
        found = facts.LoneEntry(name, tuple(shape), op.name, op.name in SOFTMAXES, dims)
        yield Fact.of(found, snapshot.step, str(i))
    for i, (op, exchange) in enumerate(exchanged):
        snapshot.note_site(SiteKind.EXCHANGED, str(i), op.site, op.name)
        yield Fact.of(exchange, snapshot.step, str(i))


def _find_wrong_dimensions(recording: Recording) -> tuple[list[Lone], list[Exchange]]:
    """Return the calls that only ever normalise a single entry, and the reshapes written in place of a transpose."""
    entries: dict[Any, list[tuple[int, Lone]]] = {}
    exchanged: list[Exchange] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store a call that normalises entries, or a reshape that imitates a transpose."""
        if (
            not args
            or not isinstance(args[0], Tensor)
            or not isinstance(result, Tensor)
            or SMOOTH not in op.dependences
        ):
            return
        x = args[0]
        count = _count_normalised_entries(op.name, x, args[1:], kwargs)
        if count is not None:
            entries.setdefault(_call_key(op), []).append((count, (op, x.shape)))
        elif op.name in ("view", "reshape") and (dims := exchanged_dims(x.shape, result.shape)):
            exchanged.append((op, facts.Exchanged(tuple(x.shape), tuple(result.shape), dims)))

    run_without_graph(recording, watch)
    lone = [calls[0][1] for calls in entries.values() if all(count == 1 for count, _ in calls)]
    return lone, exchanged


def _call_key(op: Op) -> Any:
    """Return a key that identifies a call: its module, its place in the source, or the call itself."""
    site, module = (op.origin.site, op.origin.module) if op.origin else (None, None)
    is_layer = isinstance(module, nn.Module) and not list(module.children())
    return id(module) if is_layer else (site.file, site.line, site.column) if site else op


def softmax_dim(x: Tensor, rest: tuple, kwargs: dict) -> int:
    """Return the dimension of a softmax of `x`, given the other positional and keyword arguments."""
    dim = rest[0] if rest else kwargs.get("dim")
    own_choice = 0 if x.ndim in (0, 1, 3) else 1  # torch.nn.functional uses this dimension by default.
    return own_choice if dim is None else dim


def _count_normalised_entries(name: str, x: Tensor, rest: tuple, kwargs: dict) -> int | None:
    """Return how many entries the call normalises together, or None if the call is not a normalisation."""
    if name in SOFTMAXES:
        return x.shape[softmax_dim(x, rest, kwargs)] if x.ndim else 1
    if name == "layer_norm":
        return prod(rest[0] if rest else kwargs["normalized_shape"])
    if name == "group_norm":
        groups = rest[0] if rest else kwargs["num_groups"]
        return x.numel() // max(1, len(x) * groups)
    return None


def _long_dimensions(shape: torch.Size, examples: int) -> Iterator[int]:
    """Yield the dimensions of size 2 or more, except the batch dimension."""
    yield from (i for i, size in enumerate(shape) if size > 1 and not (i == 0 and size == examples))


def exchanged_dims(before: torch.Size, after: torch.Size) -> tuple[int, ...]:
    """Return the permutation of dimensions that a reshape seems to imitate, according to the sizes, or ().

    (32, 50, 26) → (32, 26, 50) imitates (0, 2, 1), but the values keep their order in memory.
    """
    if len(before) != len(after) or before == after or sorted(before) != sorted(after):
        return ()
    moved = [i for i, (a, b) in enumerate(zip(before, after)) if a != b]
    sizes = [before[i] for i in moved]
    if len(set(sizes)) < len(sizes) or sum(size > 1 for size in sizes) < 2:
        # Equal sizes are ambiguous, and moving a dimension of size 1 does not change the order of the values.
        return ()
    return tuple(moved[sizes.index(after[i])] if i in moved else i for i in range(len(before)))
