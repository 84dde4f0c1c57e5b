"""Does the output for one example depend on the other examples of its batch? It must not, once normalisation is fixed.

One example is exchanged for another, and what the network says of all the others is compared: of the first one, one
in the middle and the last, for a layer that reads the batch as time carries what it has read in one direction.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from descend.doctor.probes.dimensions import softmax_dim
from descend.doctor.probes.feeding import fed, run_watched, value_of
from descend.doctor.probes.loss_call import loss_call, module_of
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable, chosen_at, forward
from descend.doctor.probes.through_time import BATCH_FIRST, PADDED
from descend.doctor.probes.unread import UNFED, unmatched, unread
from descend.doctor.record import Fact, Site, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE
from descend.doctor.tape.vocabulary import RECURRENT, SOFTMAXES

LEAST = 4  # examples
CHANGED = 1e-5  # of the outputs' scale


class Culprit(NamedTuple):
    """What mixes the examples."""

    by: str
    site: Site | None
    name: str
    batch_first: bool = False  # whether it takes the batch first
    single: tuple[int, ...] = ()  # dimensions of one entry that a reshape drops
    dim: int = -1  # that a softmax should be taken along


def mixing(snapshot: Snapshot) -> Measurement:
    """Yield the fact `mixing`: which share of the other examples' outputs changes, and by what."""
    recording, plain = snapshot.recordings()[0], snapshot.evaluated[0]
    if loss_call(recording) is None or plain.pair is None:
        raise Unavailable(unread(recording))
    outputs = plain.pair[0]
    count = len(outputs) if outputs.ndim else 0
    slot = _batch(recording, count)
    if count < LEAST:
        raise Unavailable(f"the loss is given fewer than {LEAST} outputs, too few to compare")
    if slot is None:
        raise Unavailable(UNFED if recording.input_slot is None else unmatched("outputs"))
    examples = value_of(recording, slot)
    shares = [_share(recording, slot, examples, outputs, row) for row in (0, count // 2, count - 1)]
    share = max(shares)
    found = facts.Mixing(count, share, by="", batch_first=False)
    culprit = _culprit(snapshot, recording, count) if share else None
    if culprit is not None:
        found = facts.Mixing(count, share, culprit.by, culprit.batch_first, culprit.single, culprit.dim)
        snapshot.note_site("mixing", "0", culprit.site, culprit.name)
    yield Fact.of(found, snapshot.step)


def _batch(recording: Recording, count: int) -> int | None:
    """Return the earliest tensor with the batch's examples, one a row, that what the network is fed was made of."""
    slot = recording.input_slot
    found = slot if slot is not None and recording.sizes.get(slot) == count else None
    for op in reversed(recording.ops):
        if slot in op.outputs:
            before = [s for s, taint in zip(op.inputs, op.taints) if taint == NONE]
            slot = before[0] if before else None
            found = slot if slot is not None and recording.sizes.get(slot) == count else found
    return found


def _share(recording: Recording, slot: int, examples: Tensor, outputs: Tensor, row: int) -> float:
    """Return the share of the other examples whose outputs change when one of them is exchanged."""
    other = next((i for i in range(len(examples)) if not torch.equal(examples[i], examples[row])), None)
    if other is None:
        raise Unavailable("the examples are all alike")
    exchanged = examples.clone()
    exchanged[row] = examples[other]
    pair = forward(fed(recording, slot, exchanged), evaluation=True).pair
    assert pair is not None
    before, after = (x.detach().double().reshape(len(x), -1) for x in (outputs, pair[0]))
    finite = before[before.isfinite()]
    moved = (after - before).abs().amax(1) > CHANGED * (finite.abs().max() if len(finite) else 1.0)
    moved[row] = False
    return float(moved.double().sum() / (len(moved) - 1))


def _culprit(snapshot: Snapshot, recording: Recording, count: int) -> Culprit | None:
    found: list[Culprit] = []

    def layer(by: str, module: nn.Module | None, name: str, batch_first: bool) -> Culprit:
        return Culprit(by, snapshot.made_at(module) if module else None, name, batch_first)

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if found or not args or not isinstance(args[0], Tensor):
            return
        x, module = args[0], module_of(op)
        if op.name in RECURRENT and len(args) == PADDED and _reads_the_batch(x, bool(args[BATCH_FIRST]), count):
            found.append(layer("recurrence", module, op.name.upper(), bool(args[BATCH_FIRST])))
        elif isinstance(module, nn.MultiheadAttention) and op.name == "multi_head_attention_forward":
            taken = x.transpose(0, 1) if module.batch_first else x  # the function takes time first in any case
            if _reads_the_batch(taken, module.batch_first, count):
                found.append(layer("attention", module, type(module).__name__, module.batch_first))
        elif op.name in SOFTMAXES and _is_along_the_batch(x, args, kwargs, count):
            found.append(Culprit("softmax", *chosen_at(snapshot, op), dim=_of_entries(x)))
        elif op.name in ("view", "reshape") and isinstance(result, Tensor) and _swaps(x, result, count):
            single = tuple(dim for dim, size in enumerate(x.shape) if dim and size == 1)
            found.append(Culprit("reshape", op.site, op.name, single=single if result.ndim < x.ndim else ()))

    run_watched(recording, watch, evaluation=True)
    return found[0] if found else None


def _reads_the_batch(x: Tensor, batch_first: bool, count: int) -> bool:
    """Whether a layer that takes the batch first, or time, is given the other; by the sizes, where they differ."""
    if x.ndim != 3:
        return False
    return x.shape[1] == count != x.shape[0] if batch_first else x.shape[0] == count


def _is_along_the_batch(x: Tensor, args: tuple, kwargs: dict, count: int) -> bool:
    """Whether a softmax is taken along the first dimension, and that is the batch, or the batch times the time."""
    return x.ndim > 1 and softmax_dim(x, args[1:], kwargs) in (0, -x.ndim) and x.shape[0] % count == 0


def _of_entries(x: Tensor) -> int:
    """Return the last dimension, counted from the end, that has several entries of one example."""
    return next((dim for dim in range(-1, -x.ndim, -1) if x.shape[dim] > 1), -1)


def _swaps(before: Tensor, after: Tensor, count: int) -> bool:
    """Whether a batch (N, T, …) becomes (T, N, …) by its sizes alone: the values stay in the order they were in.

    What has one entry, as the channel of (N, 1, T, F), may go by the way.
    """
    drops = after.ndim < before.ndim
    first = [size for dim, size in enumerate(before.shape) if not (drops and dim and size == 1)][:2]
    return first[0] == count and len(first) == 2 and list(after.shape[:2]) == first[::-1] and first[0] != first[1]
