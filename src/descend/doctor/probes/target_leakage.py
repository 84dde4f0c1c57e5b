"""Does a network that is to predict the next element of a sequence see it? Its targets are then inputs of its own."""

import torch
from torch import Tensor

from descend.doctor.probes.feeding import fed, value_of
from descend.doctor.probes.loss_call import loss_call, module_of
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable, forward
from descend.doctor.probes.unread import UNFED, unread
from descend.doctor.record import Fact, Site, facts
from descend.doctor.tape import Recording
from descend.doctor.tape.vocabulary import RECURRENT

ATTENTION = frozenset({"multi_head_attention_forward", "scaled_dot_product_attention"})
FLAT = 2  # dimensions of scores (N·T, C)
LEAST = 3  # elements of a sequence
SHIFTED = 0.99  # share of the targets that are the next input: the rest may be padding
CHANGED = 1e-5  # of the outputs' scale


def target_leakage(snapshot: Snapshot) -> Measurement:
    """Yield the fact `target_leak` of sequences whose targets are the next inputs: whether what comes later is seen."""
    recording, plain = snapshot.recordings()[0], snapshot.evaluated[0]
    slot = recording.input_slot
    call = loss_call(recording)
    if call is None or plain.pair is None:
        raise Unavailable(unread(recording))
    if slot is None:
        raise Unavailable(UNFED)
    inputs, (outputs, targets) = value_of(recording, slot), plain.pair
    if inputs.ndim < 2 or inputs.shape[1] < LEAST or not is_next(inputs, targets):
        return
    later = inputs.clone()
    later[:, -1] = inputs[:, -1].roll(1, 0) if len(inputs) > 1 else inputs[:, -2]
    if torch.equal(later, inputs):
        return
    pair = forward(fed(recording, slot, later), evaluation=True).pair
    assert pair is not None
    apart = (pair[0] - outputs).detach()
    if call.task == "classes" and apart.ndim > FLAT:
        apart = apart.movedim(1, -1)  # scores (N, C, T)
    moved = apart.reshape(len(inputs), inputs.shape[1], -1)[:, :-1].abs().amax()
    sees = bool(moved > CHANGED * outputs.detach().abs().max())
    if sees:
        snapshot.note_site("leak", "0", *_culprit(recording))
    yield Fact.of(facts.TargetLeak(sees, inputs.shape[1]), snapshot.step)


def is_next(inputs: Tensor, targets: Tensor) -> bool:
    """Whether the targets (N, T) or (N·T,) of inputs (N, T, …) are the inputs one element later.

    Only where neighbours differ does it show: data that are mostly zero look like themselves shifted.
    """
    if inputs.numel() != targets.numel() or inputs.dtype != targets.dtype:
        return False
    shaped = targets.reshape(inputs.shape)
    telling = inputs[:, 1:] != inputs[:, :-1]
    same = (shaped[:, :-1] == inputs[:, 1:])[telling]
    return bool(telling.any()) and float(same.float().mean()) >= SHIFTED


def _culprit(recording: Recording) -> tuple[Site | None, str]:
    """Return the first call that lets elements of a sequence see each other, and its name."""
    for op in recording.ops:
        if op.name in ATTENTION | RECURRENT:
            module = module_of(op)
            is_torchs = type(module).__module__.startswith("torch.nn")
            return op.site, type(module).__name__ if is_torchs else op.name
    return None, ""
