"""The loss on fixed examples, as the script computes it, and an evaluation metric that depends only on the task.

"Use a fixed subset of the training data to monitor the training error" (Ba, CSC413 lecture 4, Training Curves). Trials
are compared by the evaluation metric, so no change of the loss, its scale or the output layer may change it. For class
targets it is the negative log-likelihood of the predicted distribution, however the output layer represents it, minus
the entropy of targets that are distributions. For real targets it is the squared error. Outputs that a binary loss
takes as logits count as logits. It is computed in evaluation mode and without penalties.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from descend.doctor.measure.loss_call import LossCall, class_dim, ignored_class, loss_call, task_of
from descend.doctor.measure.replay import slot_value
from descend.doctor.measure.snapshot import Forward, Measurement, Snapshot, Unavailable, no_grad_float
from descend.doctor.record import Reading
from descend.doctor.record.task import Task

SMALLEST_PROBABILITY = 1e-12  # Smaller probabilities are raised to this value before the logarithm is taken.
SUMS_TO_ONE = 1e-3  # largest deviation from 1 that is allowed for a sum of probabilities


def monitored_loss(snapshot: Snapshot) -> Measurement:
    """Yield the loss and the evaluation metric of the fixed examples at the present parameters."""
    if not snapshot.monitor:
        return
    values = [forward.loss for forward in snapshot.trained]
    yield Reading("monitored_loss", "", snapshot.step, sum(values) / len(values))
    yield from evaluation_metric(snapshot)


def spread_evaluation_metric(snapshot: Snapshot) -> Measurement:
    """Yield the evaluation metric on batches from the whole run, with the prefix `spread_` in each name."""
    yield from (r._replace(name=f"spread_{r.name}") for r in evaluation_metric(snapshot) if isinstance(r, Reading))


def evaluation_metric(snapshot: Snapshot) -> Measurement:
    """Yield the evaluation metric of the fixed examples in evaluation mode."""
    yield from metric_readings(snapshot.evaluated, snapshot.step)


def metric_readings(forwards: Sequence[Forward], step: int) -> Measurement:
    """Yield the mean evaluation metric: the negative log-likelihood, the squared error, or the loss itself.

    Also yield `accuracy` for class targets, or `median_error` (squared) for real targets.
    """
    calls = [loss_call(forward.recording) for forward in forwards]
    if any(call is None for call in calls) or any(forward.pair is None for forward in forwards):
        values = [forward.loss for forward in forwards]
        yield Reading("metric", "loss", step, sum(values) / len(values))
        return
    pairs = [batch_metric(forward, call) for forward, call in zip(forwards, calls) if call is not None]
    count = sum(n for _, _, n in pairs)
    if count == 0:
        raise Unavailable("the loss ignores every target (ignore_index)")
    place = metric_name(calls[0].function) if calls[0] is not None else ""
    yield Reading("metric", place, step, sum(lost for lost, _, _ in pairs) / count)
    if place == "squared_error":
        yield Reading("median_error", place, step, median_error([f.pair for f in forwards if f.pair]))
    elif all(_are_classes(forward) for forward in forwards):
        yield Reading("accuracy", "", step, sum(right for _, right, _ in pairs) / count)


def _are_classes(forward: Forward) -> bool:
    """Return whether the targets are classes, not probabilities or the inputs that an autoencoder reconstructs."""
    call, target, slot = loss_call(forward.recording), forward.pair and forward.pair[1], forward.recording.input_slot
    if call is None or target is None or call.task != Task.BINARY:
        return call is not None
    if not bool(((target == 0) | (target == 1)).all()):
        return False
    try:
        given = None if slot is None else slot_value(forward.recording, slot)
    except Unavailable:
        given = None
    return given is None or given.numel() != target.numel() or not torch.equal(given.flatten(), target.flatten())


def metric_name(function: str) -> str:
    """Return the name of a loss function's evaluation metric: `negative_log_likelihood` or `squared_error`."""
    return "squared_error" if task_of(function) == "real" else "negative_log_likelihood"


def median_error(pairs: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Return the median squared error, which a few outliers do not change."""
    errors = [no_grad_float(z) - _match_shape(no_grad_float(t), z) for z, t in pairs]
    return float(torch.cat([e.reshape(-1) for e in errors]).double().square().median())


def _match_shape(target: Tensor, z: Tensor) -> Tensor:
    """Return the target, reshaped or broadcast to the shape of the prediction."""
    return target.reshape(z.shape) if target.numel() == z.numel() else target.expand_as(z)


def batch_metric(forward: Forward, call: LossCall) -> tuple[float, float, int]:
    """Return the summed metric, the number of correct predictions and the number of targets of one batch."""
    assert forward.pair is not None
    is_of_softmax = call.activation is not None and call.activation.name == "softmax"
    return cost(call.function, *forward.pair, ignored=ignored_class(call), is_of_softmax=is_of_softmax)


def cost(
    function: str, prediction: Tensor, target: Tensor, *, ignored: int, is_of_softmax: bool = False
) -> tuple[float, float, int]:
    """Return the summed evaluation metric, the number of correct predictions and the number of targets of one batch.

    They do not depend on how the loss function averages, weights or smooths.
    """
    z, task = no_grad_float(prediction), task_of(function)
    if task == Task.CLASSES:
        return _class_metric(z, target, ignored, is_of_softmax)
    t = _match_shape(no_grad_float(target), z)
    if task == Task.REAL:
        return float((z - t).double().square().sum()), 0.0, z.numel()
    return _binary_metric(function, z.double(), t.double())


def _binary_metric(function: str, z: Tensor, t: Tensor) -> tuple[float, float, int]:
    """Return the summed metric, the number of correct predictions and the number of targets for a binary loss."""
    if function == "binary_cross_entropy":
        yes, no = z.clamp_min(SMALLEST_PROBABILITY).log(), (1 - z).clamp_min(SMALLEST_PROBABILITY).log()
    else:
        yes, no = F.logsigmoid(z), F.logsigmoid(-z)
    right = (yes > no) == (t > 0.5)
    return float(-(t * yes + (1 - t) * no).sum() - binary_entropy(t).sum()), float(right.sum()), t.numel()


def binary_entropy(t: Tensor) -> Tensor:
    """Return the entropy in nats of each target that is a probability; 0 for a target of 0 or 1."""
    t = t.clamp(0, 1)
    return -torch.xlogy(t, t) - torch.xlogy(1 - t, 1 - t)


def _class_metric(z: Tensor, target: Tensor, ignored: int, is_of_softmax: bool) -> tuple[float, float, int]:
    """Return the summed metric, the number of correct predictions and the number of targets for a loss over classes."""
    logp, dim = log_probabilities(z, is_of_softmax), class_dim(z)
    predicted = logp.argmax(dim)
    if target.is_floating_point():
        t = no_grad_float(target)
        own = torch.xlogy(t, t.clamp_min(0)).double().sum()  # the negative entropy of the targets
        return float(own - (t * logp).double().sum()), float((predicted == t.argmax(dim)).sum()), predicted.numel()
    counted = target != ignored
    lost = F.nll_loss(logp, target, ignore_index=ignored, reduction="none")
    return float(lost.double().sum()), float(((predicted == target) & counted).sum()), int(counted.sum())


def log_probabilities(z: Tensor, is_of_softmax: bool) -> Tensor:
    """Return the log of the predicted distribution from logits, probabilities or log-probabilities."""
    dim = class_dim(z)
    sums_to_one = bool(((z.sum(dim) - 1).abs() < SUMS_TO_ONE).all()) and bool((z >= 0).all())
    if sums_to_one or is_of_softmax:
        z = z.clamp_min(SMALLEST_PROBABILITY).log()
    return torch.log_softmax(z, dim)  # log_softmax leaves log-probabilities unchanged.
