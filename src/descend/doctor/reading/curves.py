"""The loss, the learning rate and the gradient's norm of every step, until they are read off the device and sent."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.reading.step_times import StepTimes
from descend.doctor.record import Listener, Reading

FLUSH_S = 0.5  # losses are read off the device this rarely: a killed run keeps what it had sent,
FLUSH_STEPS = 500  # or this rarely, where steps are that quick
WHOLE = 5_000  # steps whose losses are kept as they were read; of a run that goes on for hours one in so many seconds,
FINEST_S = 0.05  # the mean of those since the one before:
MOST = 20_000  # this share of the time so far: as many again only when the run is e times as long


class Curves:
    """What a loop's steps leave, by the optimizer's key; `endless`: of a run that may go on for days.

    gradients: whether the norms of the gradients are read, too.
    """

    def __init__(self, send: Listener, *, endless: bool = False, gradients: bool = False) -> None:
        self._send, self._endless, self._gradients = send, endless, gradients
        self.times: StepTimes | None = None  # of a process that is one of a group
        self._began = self._flushed = time.perf_counter()
        self._waiting: dict[str, list[Reading]] = {}  # for enough others to be averaged with
        self.forget()

    def forget(self) -> None:
        """Drop what was not sent: it was no training yet."""
        self._losses: list[tuple[str, int, Tensor | float]] = []
        self._norms: list[tuple[str, int, Tensor | float]] = []
        self._changes: list[Reading] = []  # of the learning rate
        self._rates: dict[str, Any] = {}  # numbers, or tensors that a scheduler may change in place
        self._values: dict[str, float] = {}  # of the rates, as they were last noted

    def backward(self) -> None:
        """A backward pass begins."""
        if self.times is not None:
            self.times.backward()

    def note(
        self, key: str, step: int, loss: Tensor | float | None, rate: Any = None, optimizer: Optimizer | None = None
    ) -> None:
        """Keep what one step was fed and how long it was; the rate is a reading where it has changed.

        optimizer: whose gradients are measured.
        """
        if loss is not None:
            # On the CPU a kept tensor costs more than its value: the script's own tensors then lie elsewhere each step.
            kept = loss.item() if isinstance(loss, Tensor) and loss.is_cpu else loss
            self._losses.append((key, step, kept))
        if optimizer is not None and self._gradients and (norm := gradient_norm(optimizer)) is not None:
            self._norms.append((key, step, norm))
        if self.times is not None:
            self.times.step(step)
        if rate is not self._rates.get(key):
            self._rates[key] = rate
            self._note_change(key, step)

    def _note_change(self, key: str, step: int) -> None:
        rate = self._rates[key]
        if rate is not None and (value := float(rate)) != self._values.get(key):
            self._values[key] = value
            self._changes.append(Reading("learning_rate", key, step, value))

    @property
    def due(self) -> bool:
        """Whether it is time to read the losses off the device."""
        return len(self._losses) >= FLUSH_STEPS or time.perf_counter() - self._flushed > FLUSH_S

    def flush(self, *, last: bool = False) -> None:
        """Read what waits off the device and send it."""
        now = time.perf_counter()
        waiting, self._losses, passed, self._flushed = self._losses, [], now - self._flushed, now
        if waiting:
            for key, rate in self._rates.items():
                if isinstance(rate, Tensor):
                    self._note_change(key, waiting[-1][1])
        losses, norms = readings("loss", waiting), readings("step_gradient_norm", self._norms)
        self._norms = []
        changes, self._changes = self._changes, []
        if self._endless and (losses and losses[-1].step >= WHOLE or any(self._waiting.values())):
            span = max(FINEST_S, (now - self._began) / MOST) / max(passed, 1e-6)  # one in so much of what came
            losses = self._averaged(losses, max(1, round(span * len(losses))), last=last)
            changes = changes[:: -max(1, round(span * len(changes)))][::-1]
        self._send([*changes, *norms, *losses])  # a run that is ended at a loss has the learning rates until then
        if last and self.times is not None:
            self.times.flush()

    def _averaged(self, losses: Sequence[Reading], together: int, *, last: bool) -> list[Reading]:
        """Return the mean of each so many losses of one optimizer, at the last one's step; the rest waits."""
        means = []
        for loss in losses:
            group = self._waiting.setdefault(loss.place, [])
            group.append(loss)
            if len(group) >= together:
                means.append(_mean(group))
                group.clear()
        if last:
            means += [_mean(group) for group in self._waiting.values() if group]
        return means


def gradient_norm(optimizer: Optimizer) -> Tensor | float | None:
    """Return the norm of all gradients that an optimizer steps by; None where they have no common one.

    On the CPU it is a number already. A function mode of the script's own does not see it.
    """
    with torch._C.DisableTorchFunction(), torch.no_grad():
        given = (parameter.grad for group in optimizer.param_groups for parameter in group["params"])
        gradients = [gradient for gradient in given if gradient is not None]
        if not gradients or any(gradient.is_sparse for gradient in gradients):
            return None
        try:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            return norm.item() if norm.is_cpu else norm
        except RuntimeError:  # on several devices, or of several types
            return None


def _mean(group: Sequence[Reading]) -> Reading:
    return group[-1]._replace(value=sum(reading.value for reading in group) / len(group))


def readings(name: str, waiting: Sequence[tuple[str, int, Tensor | float]]) -> list[Reading]:
    """Read numbers, each with its place and step, off their devices."""
    values = _numbers([value for _, _, value in waiting])
    return [Reading(name, key, step, value) for (key, step, _), value in zip(waiting, values)]


def _numbers(losses: Sequence[Tensor | float]) -> list[float]:
    """Return the values of scalars, waiting for each device once where its tensors are alike."""
    alike: dict[Any, list[Tensor]] = {}
    for loss in losses:
        if isinstance(loss, Tensor):
            alike.setdefault((loss.shape, loss.dtype, loss.device), []).append(loss)
    values = {kind: iter(torch.stack(tensors).reshape(-1).tolist()) for kind, tensors in alike.items()}
    return [next(values[x.shape, x.dtype, x.device]) if isinstance(x, Tensor) else float(x) for x in losses]
