"""The cost on fixed examples: as the script computes it, and by a yardstick in the terms of the task.

"Use a fixed subset of the training data to monitor the training error" (Ba, CSC413 lecture 4). The yardstick is
what trials are judged by, so no change of the loss, of its scale or of the output layer may move it: for class
targets the log-likelihood of the predicted distribution, however the output layer expresses it; for real targets
the squared error. Measured in evaluation mode, penalties left out.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from descend.probes.loss_call import LossCall, loss_call
from descend.probes.moment import Forward, Measurement, Moment, no_grad_float
from descend.record import Reading

SMALLEST_PROBABILITY = 1e-12  # the logarithm of an underflowed probability is taken here
SUMS_TO_ONE = 1e-3


def monitored_loss(moment: Moment) -> Measurement:
    """Yield `monitored_loss` and the yardstick of the fixed examples at the present parameters."""
    if not moment.monitor:
        return
    values = [forward.loss for forward in moment.trained]
    yield Reading("monitored_loss", "", moment.step, sum(values) / len(values))
    yield from yardstick(moment)


def yardstick(moment: Moment) -> Measurement:
    """Yield `yardstick` at place `negative_log_likelihood`, `squared_error` or `loss`, and `accuracy` of classes."""
    calls = [loss_call(recording) for recording in moment.monitor]
    if any(call is None for call in calls):
        values = [forward.loss for forward in moment.evaluated]
        yield Reading("yardstick", "loss", moment.step, sum(values) / len(values))
        return
    pairs = [judge(forward, call) for forward, call in zip(moment.evaluated, calls) if call is not None]
    count = sum(n for _, _, n in pairs)
    real = calls[0] is not None and calls[0].task == "real"
    place = "squared_error" if real else "negative_log_likelihood"
    yield Reading("yardstick", place, moment.step, sum(cost for cost, _, _ in pairs) / count)
    if not real:
        yield Reading("accuracy", "", moment.step, sum(right for _, right, _ in pairs) / count)


def judge(forward: Forward, call: LossCall) -> tuple[float, float, int]:
    """Return the summed cost, the number of right predictions and the number of targets of one batch."""
    _, z, target = forward.losses[0]
    z = no_grad_float(z)
    if call.task == "real":
        difference = z - no_grad_float(target).reshape(z.shape if z.numel() == target.numel() else target.shape)
        return float(difference.square().sum()), 0.0, difference.numel()
    if call.task == "binary":
        p = z if call.function == "binary_cross_entropy" or _is_probability(call) else torch.sigmoid(z)
        p = p.clamp(SMALLEST_PROBABILITY, 1 - 1e-7)
        t = no_grad_float(target).reshape(p.shape)
        cost = -(t * p.log() + (1 - t) * (1 - p).log())
        return float(cost.sum()), float(((p > 0.5) == (t > 0.5)).sum()), t.numel()
    return _judge_classes(call, z, target)


def _judge_classes(call: LossCall, z: Tensor, target: Tensor) -> tuple[float, float, int]:
    logp = log_probabilities(call, z)
    if target.is_floating_point():
        t = no_grad_float(target)
        count = t.numel() // t.shape[1] if t.ndim > 1 else 1
        return float(-(t * logp).sum()), float((logp.argmax(1) == t.argmax(1)).sum()), count
    ignored = int(call.op.kwargs.get("ignore_index", -100))
    counted = target != ignored
    cost = F.nll_loss(logp, target, ignore_index=ignored, reduction="sum")
    return float(cost), float(((logp.argmax(1) == target) & counted).sum()), int(counted.sum())


def log_probabilities(call: LossCall, z: Tensor) -> Tensor:
    """Return the log of the predicted distribution, whatever the output layer gives: logits, p or log p."""
    dim = 1 if z.ndim > 1 else 0
    sums_to_one = bool(((z.sum(dim) - 1).abs() < SUMS_TO_ONE).all()) and bool((z >= 0).all())
    if sums_to_one or call.activation is not None and call.activation.name == "softmax":
        return z.clamp_min(SMALLEST_PROBABILITY).log()
    return torch.log_softmax(z, dim)  # leaves log-probabilities as they are


def _is_probability(call: LossCall) -> bool:
    return call.activation is not None and call.activation.name in ("sigmoid", "sigmoid_", "softmax")
