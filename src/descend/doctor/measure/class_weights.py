"""The weights that the loss gives to classes, next to the number of targets of each class.

Weights against rare classes fall with the number of targets: n / (C nᵢ) for class i of C ("balanced" weights; King &
Zeng 2001, eq. 7). `ignore_index` gives a class the weight zero, as is right for padding.
"""

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import LossCall, ignored_class, loss_call, setting
from descend.doctor.measure.messages import no_loss_call_message
from descend.doctor.measure.replay import slot_value
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable, activation_site
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.tape import Recording
from descend.doctor.tape.call import Slot

WEIGHT = 2  # position of the argument `weight` in the losses of torch.nn.functional
MOST_CLASSES = 1000  # largest number of weights that are stored in the record
LOSS = "loss"  # key of the facts about the loss, as the weights of samplers have the number of a loader


def class_weights(snapshot: Snapshot) -> Measurement:
    """Yield the weights of the classes in the loss, and the class that the loss ignores, each with its targets."""
    recording = snapshot.recordings()[0]
    call = loss_call(recording)
    if call is None:
        raise Unavailable(no_loss_call_message(recording))
    weights = None if call.by_hand else _weights_of_classes(recording, call)
    is_ignoring = call.task == Task.CLASSES and ignored_class(call) >= 0
    if weights is None and not is_ignoring:
        return
    targets = [forward.pair[1].reshape(-1) for forward in snapshot.trained if forward.pair is not None]
    found: list[facts.ClassWeights | facts.IgnoredClass] = []
    if weights is not None and not (call.task == Task.CLASSES and targets[0].is_floating_point()):
        found.append(_with_counts(call, weights, torch.cat(targets)))
    if is_ignoring:
        found.append(_ignored_targets(ignored_class(call), targets))
    if found:
        snapshot.note_site(SiteKind.CLASS_WEIGHTS, LOSS, *activation_site(snapshot, call.op))
    yield from (Fact.of(fact, snapshot.step, LOSS) for fact in found)


def _argument(call: LossCall) -> str:
    """Return the name of the argument with the weights of the classes."""
    return "pos_weight" if call.task == Task.BINARY else "weight"


def _weights_of_classes(recording: Recording, call: LossCall) -> Tensor | None:
    """Return the weight of each class in the loss; None for a loss without weights of classes."""
    given = setting(call, _argument(call))
    if call.task == Task.CLASSES and len(call.op.args) > WEIGHT:
        given = call.op.args[WEIGHT]
    if call.task == Task.REAL or not isinstance(given, Slot):
        return None
    weights = slot_value(recording, given.index)
    if call.task == Task.BINARY:
        # A positive weight is compared with the weight 1 of the other class. Several labels have several of them.
        return torch.cat([weights.new_ones(1), weights.reshape(1)]) if weights.numel() == 1 else None
    return weights if len(weights) <= MOST_CLASSES else None


def _with_counts(call: LossCall, weights: Tensor, targets: Tensor) -> facts.ClassWeights:
    """Return the weights of the classes and the number of targets of each."""
    kept = targets[(targets >= 0) & (targets < len(weights))].round().long()
    counts = torch.bincount(kept, minlength=len(weights))
    return facts.ClassWeights(_argument(call), tuple(map(float, weights)), tuple(map(int, counts)))


def _ignored_targets(index: int, targets: list[Tensor]) -> facts.IgnoredClass:
    """Return how the targets of the ignored class are placed among the others."""
    ignored = [each == index for each in targets]
    following = sum(int((each[1:] & each[:-1]).sum()) for each in ignored)
    return facts.IgnoredClass(index, sum(int(x.sum()) for x in ignored), sum(len(x) for x in ignored), following)
