"""The weights that the loss gives to classes, next to the number of targets of each class.

Weights against rare classes fall with the number of targets: n / (C nᵢ) for class i of C ("balanced" weights; King &
Zeng 2001, eq. 7). `ignore_index` gives a class the weight zero, as is right for padding.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import LossCall, loss_call
from descend.doctor.measure.messages import no_loss_call_message
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable, activation_site
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.tape import Op, Recording

Given = tuple[Tensor, dict[str, Any]]  # the targets, and all arguments of the loss by name
POSITIONS = ("input", "target", "weight")  # positional arguments of the losses in torch.nn.functional
MOST_CLASSES = 1000  # largest number of weights that are stored in the record
LOSS = "loss"  # key of the facts about the loss, as the weights of samplers have the number of a loader


def class_weights(snapshot: Snapshot) -> Measurement:
    """Yield the weights of the classes in the loss, and the class that the loss ignores, each with its targets."""
    recordings = snapshot.recordings()
    call = loss_call(recordings[0])
    if call is None:
        raise Unavailable(no_loss_call_message(recordings[0]))
    given = [pair for recording in recordings for pair in _loss_arguments(recording)]
    found = [fact for fact in (_weights_of_classes(call, given), _ignored_class(call, given)) if fact is not None]
    if found:
        snapshot.note_site(SiteKind.CLASS_WEIGHTS, LOSS, *activation_site(snapshot, call.op))
    yield from (Fact.of(fact, snapshot.step, LOSS) for fact in found)


def _loss_arguments(recording: Recording) -> Iterator[Given]:
    """Yield the targets and the named arguments of the loss call of a recording."""
    call, found = loss_call(recording), list[Given]()

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the arguments of the loss call."""
        if call is not None and op is call.op and not call.by_hand:
            found.append((call.pair(args, kwargs)[1], {**dict(zip(POSITIONS, args)), **kwargs}))

    run_without_graph(recording, watch)
    yield from found


def _weights_of_classes(call: LossCall, given: list[Given]) -> facts.ClassWeights | None:
    """Return the weights of the classes and the number of targets of each; None for a loss without weights."""
    if not given:
        return None
    targets, named = torch.cat([target.reshape(-1) for target, _ in given]), given[0][1]
    if call.task == Task.CLASSES and not targets.is_floating_point():
        argument, weights = "weight", named.get("weight")
    elif call.task == Task.BINARY:
        argument, positive = "pos_weight", named.get("pos_weight")
        weights = None
        if isinstance(positive, Tensor) and positive.numel() == 1:
            weights = torch.cat([positive.new_ones(1), positive.reshape(1)])
    else:
        return None
    if not isinstance(weights, Tensor) or len(weights) > MOST_CLASSES:
        return None
    kept = targets[(targets >= 0) & (targets < len(weights))].round().long()
    counts = torch.bincount(kept, minlength=len(weights))
    return facts.ClassWeights(argument, tuple(map(float, weights)), tuple(map(int, counts)))


def _ignored_class(call: LossCall, given: list[Given]) -> facts.IgnoredClass | None:
    """Return how the ignored targets are placed among the others; None if the loss ignores none of its classes."""
    index = call.op.kwargs.get("ignore_index")
    if call.task != Task.CLASSES or not given or not isinstance(index, int) or index < 0:
        return None
    ignored = [target.reshape(-1) == index for target, _ in given]
    following = sum(int((each[1:] & each[:-1]).sum()) for each in ignored)
    return facts.IgnoredClass(index, sum(int(x.sum()) for x in ignored), sum(len(x) for x in ignored), following)
