"""Whether a network that predicts the next element of a sequence also sees that element in its input."""

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import loss_call, module_of
from descend.doctor.measure.messages import UNFED, no_loss_call_message
from descend.doctor.measure.replay import slot_value, with_data
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable, forward
from descend.doctor.record import Fact, Site, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.tape import Recording
from descend.doctor.tape.vocabulary import ATTENTION, RECURRENT

FLAT = 2  # number of dimensions of scores with the shape (N·T, C)
LEAST = 3  # length of the shortest sequence that is tested
SHIFTED = 0.99  # smallest share of targets that must equal the next input; the other targets may be padding
CHANGED = 1e-5  # A change below this share of the largest output is round-off.


def target_leakage(snapshot: Snapshot) -> Measurement:
    """Yield whether the outputs depend on later inputs, if the targets are the next inputs of a sequence."""
    recording, plain = snapshot.recordings()[0], snapshot.evaluated[0]
    slot = recording.input_slot
    call = loss_call(recording)
    if call is None or plain.pair is None:
        raise Unavailable(no_loss_call_message(recording))
    if slot is None:
        raise Unavailable(UNFED)
    inputs, (outputs, targets) = slot_value(recording, slot), plain.pair
    if inputs.ndim < 2 or inputs.shape[1] < LEAST or not is_next(inputs, targets):
        return
    later = inputs.clone()
    later[:, -1] = inputs[:, -1].roll(1, 0) if len(inputs) > 1 else inputs[:, -2]
    if torch.equal(later, inputs):
        return
    pair = forward(with_data(recording, slot, later), evaluation=True).pair
    assert pair is not None
    apart = (pair[0] - outputs).detach()
    if call.task == Task.CLASSES and apart.ndim > FLAT:
        apart = apart.movedim(1, -1)  # Scores have the shape (N, C, T).
    moved = apart.reshape(len(inputs), inputs.shape[1], -1)[:, :-1].abs().amax()
    sees = bool(moved > CHANGED * outputs.detach().abs().max())
    if sees:
        snapshot.note_site(SiteKind.LEAK, "0", *_mixing_call(recording))
    yield Fact.of(facts.TargetLeak(sees, inputs.shape[1]), snapshot.step)


def is_next(inputs: Tensor, targets: Tensor) -> bool:
    """Return whether the targets ``(N, T)`` or ``(N·T,)`` are the inputs ``(N, T, …)``, shifted by one element.

    Only positions whose neighbours differ are compared, because constant data equal themselves when shifted.
    """
    if inputs.numel() != targets.numel() or inputs.dtype != targets.dtype:
        return False
    shaped = targets.reshape(inputs.shape)
    telling = inputs[:, 1:] != inputs[:, :-1]
    same = (shaped[:, :-1] == inputs[:, 1:])[telling]
    return bool(telling.any()) and float(same.float().mean()) >= SHIFTED


def _mixing_call(recording: Recording) -> tuple[Site | None, str]:
    """Return the line and name of the first call that combines elements of a sequence."""
    for op in recording.ops:
        if op.name in ATTENTION | RECURRENT:
            module = module_of(op)
            is_torchs = type(module).__module__.startswith("torch.nn")
            return op.site, type(module).__name__ if is_torchs else op.name
    return None, ""
