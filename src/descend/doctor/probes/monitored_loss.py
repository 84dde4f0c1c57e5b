"""The cost on fixed examples: as the script computes it, and by a yardstick in the terms of the task.

"Use a fixed subset of the training data to monitor the training error" (Ba, CSC413 lecture 4, Training Curves). The
yardstick is what trials are judged by, so no change of the loss, its scale or the output layer may move it: for class
targets the log-likelihood of the predicted distribution, however the output layer expresses it, less the entropy of
targets that are distributions themselves, which nothing can take off; for real targets the squared error. What a loss
of two classes takes for logits is judged as logits: the script reads its output so. Measured in evaluation mode,
penalties left out.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from descend.doctor.probes.feeding import value_of
from descend.doctor.probes.loss_call import LossCall, class_dim, ignored_class, loss_call, task_of
from descend.doctor.probes.snapshot import Forward, Measurement, Snapshot, Unavailable, no_grad_float
from descend.doctor.record import Reading

SMALLEST_PROBABILITY = 1e-12  # the logarithm of an underflowed probability is taken here
SUMS_TO_ONE = 1e-3


def monitored_loss(snapshot: Snapshot) -> Measurement:
    """Yield `monitored_loss` and the yardstick of the fixed examples at the present parameters."""
    if not snapshot.monitor:
        return
    values = [forward.loss for forward in snapshot.trained]
    yield Reading("monitored_loss", "", snapshot.step, sum(values) / len(values))
    yield from yardstick(snapshot)


def spread_yardstick(snapshot: Snapshot) -> Measurement:
    """Yield `spread_yardstick`: the yardstick of a moment whose monitor holds batches from all over the run."""
    yield from (r._replace(name=f"spread_{r.name}") for r in yardstick(snapshot) if isinstance(r, Reading))


def yardstick(snapshot: Snapshot) -> Measurement:
    """Yield what `judged` says of the fixed examples in evaluation mode."""
    yield from judged(snapshot.evaluated, snapshot.step)


def judged(forwards: Sequence[Forward], step: int) -> Measurement:
    """Yield `yardstick` at place `negative_log_likelihood`, `squared_error` or `loss`.

    Beside it `accuracy` where the targets are classes, `median_error` (squared) of real targets.
    """
    calls = [loss_call(forward.recording) for forward in forwards]
    if any(call is None for call in calls) or any(forward.pair is None for forward in forwards):
        values = [forward.loss for forward in forwards]
        yield Reading("yardstick", "loss", step, sum(values) / len(values))
        return
    pairs = [judge(forward, call) for forward, call in zip(forwards, calls) if call is not None]
    count = sum(n for _, _, n in pairs)
    if count == 0:
        raise Unavailable("every target is one that the loss ignores (ignore_index)")
    place = place_of(calls[0].function) if calls[0] is not None else ""
    yield Reading("yardstick", place, step, sum(lost for lost, _, _ in pairs) / count)
    if place == "squared_error":
        yield Reading("median_error", place, step, median_error([f.pair for f in forwards if f.pair]))
    elif all(_are_classes(forward) for forward in forwards):
        yield Reading("accuracy", "", step, sum(right for _, right, _ in pairs) / count)


def _are_classes(forward: Forward) -> bool:
    """Whether the targets are classes: no shades between two, and not what the network is given to reconstruct."""
    call, target, slot = loss_call(forward.recording), forward.pair and forward.pair[1], forward.recording.input_slot
    if call is None or target is None or call.task != "binary":
        return call is not None
    if not bool(((target == 0) | (target == 1)).all()):
        return False
    try:
        given = None if slot is None else value_of(forward.recording, slot)
    except Unavailable:
        given = None
    return given is None or given.numel() != target.numel() or not torch.equal(given.flatten(), target.flatten())


def place_of(function: str) -> str:
    """Return what the yardstick of a loss function is: `negative_log_likelihood` or `squared_error`."""
    return "squared_error" if task_of(function) == "real" else "negative_log_likelihood"


def median_error(pairs: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Return the median of the squared errors, which a few gross ones cannot move."""
    errors = [no_grad_float(z) - _alike(no_grad_float(t), z) for z, t in pairs]
    return float(torch.cat([e.reshape(-1) for e in errors]).double().square().median())


def _alike(target: Tensor, z: Tensor) -> Tensor:
    return target.reshape(z.shape) if target.numel() == z.numel() else target.expand_as(z)


def judge(forward: Forward, call: LossCall) -> tuple[float, float, int]:
    """Return the summed cost, the number of right predictions and the number of targets of one batch."""
    assert forward.pair is not None
    is_of_softmax = call.activation is not None and call.activation.name == "softmax"
    return cost(call.function, *forward.pair, ignored=ignored_class(call), is_of_softmax=is_of_softmax)


def cost(
    function: str, prediction: Tensor, target: Tensor, *, ignored: int, is_of_softmax: bool = False
) -> tuple[float, float, int]:
    """Return what `judge` does of what a loss function is given: whatever it averages, weighs or smooths."""
    z, task = no_grad_float(prediction), task_of(function)
    if task == "classes":
        return _judge_classes(z, target, ignored, is_of_softmax)
    t = _alike(no_grad_float(target), z)
    if task == "real":
        return float((z - t).double().square().sum()), 0.0, z.numel()
    return _judge_binary(function, z.double(), t.double())


def _judge_binary(function: str, z: Tensor, t: Tensor) -> tuple[float, float, int]:
    if function == "binary_cross_entropy":
        yes, no = z.clamp_min(SMALLEST_PROBABILITY).log(), (1 - z).clamp_min(SMALLEST_PROBABILITY).log()
    else:
        yes, no = F.logsigmoid(z), F.logsigmoid(-z)
    right = (yes > no) == (t > 0.5)
    return float(-(t * yes + (1 - t) * no).sum() - binary_entropy(t).sum()), float(right.sum()), t.numel()


def binary_entropy(t: Tensor) -> Tensor:
    """Return the entropy of each target that is a probability, in nats; 0 of one that is 0 or 1."""
    t = t.clamp(0, 1)
    return -torch.xlogy(t, t) - torch.xlogy(1 - t, 1 - t)


def _judge_classes(z: Tensor, target: Tensor, ignored: int, is_of_softmax: bool) -> tuple[float, float, int]:
    logp, dim = log_probabilities(z, is_of_softmax), class_dim(z)
    predicted = logp.argmax(dim)
    if target.is_floating_point():
        t = no_grad_float(target)
        own = torch.xlogy(t, t.clamp_min(0)).double().sum()  # minus their entropy
        return float(own - (t * logp).double().sum()), float((predicted == t.argmax(dim)).sum()), predicted.numel()
    counted = target != ignored
    lost = F.nll_loss(logp, target, ignore_index=ignored, reduction="none")
    return float(lost.double().sum()), float(((predicted == target) & counted).sum()), int(counted.sum())


def log_probabilities(z: Tensor, is_of_softmax: bool) -> Tensor:
    """Return the log of the predicted distribution, whatever the output layer gives: logits, p or log p."""
    dim = class_dim(z)
    sums_to_one = bool(((z.sum(dim) - 1).abs() < SUMS_TO_ONE).all()) and bool((z >= 0).all())
    if sums_to_one or is_of_softmax:
        z = z.clamp_min(SMALLEST_PROBABILITY).log()
    return torch.log_softmax(z, dim)  # leaves log-probabilities as they are; a softmax over a wrong dimension not
