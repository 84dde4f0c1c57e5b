"""Whether the output for one example depends on the other examples in its batch, with normalisation in evaluation mode.

One example is replaced by a different one, and the outputs for all other examples are compared. This is done for
the first, a middle and the last example, because a recurrent layer that takes the batch for time passes information
in one direction only. Attention and softmax along the batch treat all examples alike, so only this test shows them;
`equivariance` finds every call that does not.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from descend.doctor.measure.dimensions import softmax_dim
from descend.doctor.measure.loss_call import loss_call, module_of
from descend.doctor.measure.messages import UNFED, no_loss_call_message, unmatched_message
from descend.doctor.measure.replay import run_without_graph, slot_value, with_data
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable, activation_site, forward
from descend.doctor.record import Fact, Site, SiteKind, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE
from descend.doctor.tape.vocabulary import SOFTMAXES

SEQUENCES = 3  # number of dimensions of a batch of sequences
LEAST = 4  # smallest number of examples in a batch for this measurement
CHANGED = 1e-5  # A change below this share of the largest output is round-off.


class MixingCall(NamedTuple):
    """The call that mixes examples: it makes the output for one example depend on others in the batch."""

    by: str
    site: Site | None
    name: str
    batch_first: bool = False  # whether the layer expects the batch in dimension 0
    dim: int = -1  # the dimension along which a softmax should be taken


def mixing(snapshot: Snapshot) -> Measurement:
    """Yield the share of the other outputs that change if one example is replaced, and the call that causes it."""
    recording, plain = snapshot.recordings()[0], snapshot.evaluated[0]
    if loss_call(recording) is None or plain.pair is None:
        raise Unavailable(no_loss_call_message(recording))
    outputs = plain.pair[0]
    count = len(outputs) if outputs.ndim else 0
    slot = _find_batch(recording, count)
    if count < LEAST:
        raise Unavailable(f"the loss receives fewer than {LEAST} outputs, which is too few to compare")
    if slot is None:
        raise Unavailable(UNFED if recording.input_slot is None else unmatched_message("outputs"))
    examples = slot_value(recording, slot)
    shares = [_share_of_changed_outputs(recording, slot, examples, outputs, row) for row in (0, count // 2, count - 1)]
    share = max(shares)
    found = facts.Mixing(count, share, by="", batch_first=False)
    culprit = _mixing_call(snapshot, recording, count) if share else None
    if culprit is not None:
        found = facts.Mixing(count, share, culprit.by, culprit.batch_first, culprit.dim)
        snapshot.note_site(SiteKind.MIXING, "0", culprit.site, culprit.name)
    yield Fact.of(found, snapshot.step)


def _find_batch(recording: Recording, count: int) -> int | None:
    """Return the id of the earliest tensor with one row per example from which the network's input is computed."""
    slot = recording.input_slot
    found = slot if slot is not None and recording.sizes.get(slot) == count else None
    for op in reversed(recording.ops):
        if slot in op.outputs:
            before = [s for s, dependence in zip(op.inputs, op.dependences) if dependence == NONE]
            slot = before[0] if before else None
            found = slot if slot is not None and recording.sizes.get(slot) == count else found
    return found


def _share_of_changed_outputs(recording: Recording, slot: int, examples: Tensor, outputs: Tensor, row: int) -> float:
    """Return the share of the other examples whose outputs change when example `row` is replaced."""
    other = next((i for i in range(len(examples)) if not torch.equal(examples[i], examples[row])), None)
    if other is None:
        raise Unavailable("the examples are all alike")
    exchanged = examples.clone()
    exchanged[row] = examples[other]
    pair = forward(with_data(recording, slot, exchanged), evaluation=True).pair
    assert pair is not None
    before, after = (x.detach().double().reshape(len(x), -1) for x in (outputs, pair[0]))
    finite = before[before.isfinite()]
    moved = (after - before).abs().amax(1) > CHANGED * (finite.abs().max() if len(finite) else 1.0)
    moved[row] = False
    return float(moved.double().sum() / (len(moved) - 1))


def _mixing_call(snapshot: Snapshot, recording: Recording, count: int) -> MixingCall | None:
    """Return the first call in which the examples attend to each other or share a softmax."""
    found: list[MixingCall] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the first call that mixes examples."""
        if found or not args or not isinstance(args[0], Tensor):
            return
        x, module = args[0], module_of(op)
        if isinstance(module, nn.MultiheadAttention) and op.name == "multi_head_attention_forward":
            # The function always expects time as the first dimension.
            is_square = module.batch_first and x.shape[1:2] == (count,)
            if x.ndim == SEQUENCES and x.shape[0] == count and not is_square:
                site = snapshot.made_at(module)
                found.append(MixingCall("attention", site, type(module).__name__, module.batch_first))
        elif op.name in SOFTMAXES and _is_along_the_batch(x, args, kwargs, count):
            found.append(MixingCall("softmax", *activation_site(snapshot, op), dim=_last_long_dimension(x)))

    run_without_graph(recording, watch, evaluation=True)
    return found[0] if found else None


def _is_along_the_batch(x: Tensor, args: tuple, kwargs: dict, count: int) -> bool:
    """Return whether a softmax is taken along dimension 0 although this is the batch, or batch times time."""
    return x.ndim > 1 and softmax_dim(x, args[1:], kwargs) in (0, -x.ndim) and x.shape[0] % count == 0


def _last_long_dimension(x: Tensor) -> int:
    """Return the last dimension other than 0 with more than one entry, as a negative index; −1 without one."""
    return next((dim for dim in range(-1, -x.ndim, -1) if x.shape[dim] > 1), -1)
