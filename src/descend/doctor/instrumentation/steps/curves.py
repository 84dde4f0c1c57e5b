"""Collect the loss, the learning rate and the gradient norm of every step, and send them from time to time."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.instrumentation.steps.step_times import StepTimes
from descend.doctor.record import Listener, Reading

FLUSH_S = 0.5  # seconds after which the losses are read from the device
FLUSH_STEPS = 500  # number of steps after which the losses are read from the device, if the steps are quick
WHOLE = 5_000  # After this many steps, the losses of a run without a known end are averaged.
FINEST_S = 0.05  # One mean of such a run covers at least this many seconds.
MOST = 20_000  # One mean covers at least 1 / MOST of the run so far.


class Curves:
    """Collects the loss, learning rate and gradient norm of each step, by the key of the optimizer.

    endless: whether the run may last for days, so that losses are averaged; gradients: whether to read gradient norms.
    """

    def __init__(self, send: Listener, *, endless: bool = False, gradients: bool = False) -> None:
        self._send, self._endless, self._gradients = send, endless, gradients
        self.times: StepTimes | None = None  # Step times are measured in a process group.
        self._began = self._flushed = time.perf_counter()
        self._waiting: dict[str, list[Reading]] = {}  # losses that are not averaged yet
        self.forget()

    def forget(self) -> None:
        """Discard the values that were not sent yet, because the steps were not part of a training."""
        self._losses: list[tuple[str, int, Tensor | float]] = []
        self._norms: list[tuple[str, int, Tensor | float]] = []
        self._changes: list[Reading] = []  # changes of the learning rate that are not sent yet
        # key of an optimizer -> its learning rate: a number, or a tensor that may change in place
        self._rates: dict[str, Any] = {}
        self._values: dict[str, float] = {}  # key of an optimizer -> last value of its learning rate

    def backward_begins(self) -> None:
        """Pass the start of a backward pass to the measurement of step times."""
        if self.times is not None:
            self.times.backward_begins()

    def add_step(
        self, key: str, step: int, loss: Tensor | float | None, rate: Any = None, optimizer: Optimizer | None = None
    ) -> None:
        """Store the loss of a step, and the learning rate if it has changed.

        optimizer: the optimizer whose gradient norm is read.
        """
        if loss is not None:
            # On the CPU the number is kept, because keeping a tensor's memory would make the next steps slower.
            kept = loss.item() if isinstance(loss, Tensor) and loss.is_cpu else loss
            self._losses.append((key, step, kept))
        if optimizer is not None and self._gradients and (norm := gradient_norm(optimizer)) is not None:
            self._norms.append((key, step, norm))
        if self.times is not None:
            self.times.step_ended(step)
        if rate is not self._rates.get(key):
            self._rates[key] = rate
            self._add_learning_rate(key, step)

    def _add_learning_rate(self, key: str, step: int) -> None:
        """Add the learning rate to the values to be sent if it has changed."""
        rate = self._rates[key]
        if rate is not None and (value := float(rate)) != self._values.get(key):
            self._values[key] = value
            self._changes.append(Reading("learning_rate", key, step, value))

    @property
    def is_due(self) -> bool:
        """Return whether the losses should be read from the device."""
        return len(self._losses) >= FLUSH_STEPS or time.perf_counter() - self._flushed > FLUSH_S

    def flush(self, *, last: bool = False) -> None:
        """Read the values that were not sent yet from the device, and send them."""
        now = time.perf_counter()
        waiting, self._losses, passed, self._flushed = self._losses, [], now - self._flushed, now
        if waiting:
            for key, rate in self._rates.items():
                if isinstance(rate, Tensor):
                    self._add_learning_rate(key, waiting[-1][1])
        losses, norms = readings("loss", waiting), readings("step_gradient_norm", self._norms)
        self._norms = []
        changes, self._changes = self._changes, []
        if self._endless and (losses and losses[-1].step >= WHOLE or any(self._waiting.values())):
            # the time that one mean covers, relative to the time since the last flush
            span = max(FINEST_S, (now - self._began) / MOST) / max(passed, 1e-6)
            losses = self._average_losses(losses, max(1, round(span * len(losses))), last=last)
            changes = changes[:: -max(1, round(span * len(changes)))][::-1]
        # Learning rates are sent first, so that a record that ends at some loss has all learning rates before it.
        self._send([*changes, *norms, *losses])
        if last and self.times is not None:
            self.times.flush()

    def _average_losses(self, losses: Sequence[Reading], together: int, *, last: bool) -> list[Reading]:
        """Return one mean for every `together` losses of an optimizer, with their last step; keep the other losses."""
        means = []
        for loss in losses:
            group = self._waiting.setdefault(loss.place, [])
            group.append(loss)
            if len(group) >= together:
                means.append(_mean_reading(group))
                group.clear()
        if last:
            means += [_mean_reading(group) for group in self._waiting.values() if group]
        return means


def gradient_norm(optimizer: Optimizer) -> Tensor | float | None:
    """Return the norm of all gradients of an optimizer; None if some are sparse or on different devices.

    On the CPU the norm is returned as a number. The script's function modes do not see these operations.
    """
    with torch._C.DisableTorchFunction(), torch.no_grad():
        given = (parameter.grad for group in optimizer.param_groups for parameter in group["params"])
        gradients = [gradient for gradient in given if gradient is not None]
        if not gradients or any(gradient.is_sparse for gradient in gradients):
            return None
        try:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            return norm.item() if norm.is_cpu else norm
        except RuntimeError:  # The gradients have several devices or dtypes.
            return None


def _mean_reading(group: Sequence[Reading]) -> Reading:
    """Return the mean of several recorded values, with the step of the last value."""
    return group[-1]._replace(value=sum(reading.value for reading in group) / len(group))


def readings(name: str, waiting: Sequence[tuple[str, int, Tensor | float]]) -> list[Reading]:
    """Return a `Reading` (recorded value) for each entry, with its value read from the device."""
    values = _read_numbers([value for _, _, value in waiting])
    return [Reading(name, key, step, value) for (key, step, _), value in zip(waiting, values)]


def _read_numbers(losses: Sequence[Tensor | float]) -> list[float]:
    """Return scalar tensors as numbers; tensors of equal shape, dtype and device are read all at once."""
    alike: dict[Any, list[Tensor]] = {}
    for loss in losses:
        if isinstance(loss, Tensor):
            alike.setdefault((loss.shape, loss.dtype, loss.device), []).append(loss)
    values = {kind: iter(torch.stack(tensors).reshape(-1).tolist()) for kind, tensors in alike.items()}
    return [next(values[x.shape, x.dtype, x.device]) if isinstance(x, Tensor) else float(x) for x in losses]
