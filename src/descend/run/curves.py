"""The loss and the learning rate of every step, until they are read off the device and sent."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from descend.record import Message, Reading

FLUSH_S = 0.5  # losses are read off the device this rarely: a killed run keeps what it had sent,
FLUSH_STEPS = 500  # or this rarely, where steps are that quick


class Curves:
    """What a loop's steps leave behind, by the optimizer's key."""

    def __init__(self, send: Callable[[list[Message]], None]) -> None:
        self._send = send
        self._flushed = time.perf_counter()
        self.forget()

    def forget(self) -> None:
        """Drop what was not sent: it was no training yet."""
        self._losses: list[tuple[str, int, Tensor | float]] = []
        self._changes: list[Reading] = []  # of the learning rate
        self._rates: dict[str, Any] = {}  # numbers, or tensors that a scheduler may change in place
        self._values: dict[str, float] = {}  # of the rates, as they were last noted

    def note(self, key: str, step: int, loss: Tensor | None, rate: Any = None) -> None:
        """Keep what one step was fed and how long it was; the rate is a reading where it has changed."""
        if loss is not None:
            # On the CPU a kept tensor costs more than its value: the script's own tensors then lie elsewhere each step.
            self._losses.append((key, step, loss.item() if loss.is_cpu else loss))
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

    def flush(self) -> None:
        """Read what waits off the device and send it."""
        waiting, self._losses, self._flushed = self._losses, [], time.perf_counter()
        if waiting:
            for key, rate in self._rates.items():
                if isinstance(rate, Tensor):
                    self._note_change(key, waiting[-1][1])
        values = _numbers([loss for _, _, loss in waiting])
        losses = [Reading("loss", key, step, value) for (key, step, _), value in zip(waiting, values)]
        changes, self._changes = self._changes, []
        self._send([*losses, *changes])


def _numbers(losses: Sequence[Tensor | float]) -> list[float]:
    """Return the values of scalars, waiting for each device once where its tensors are alike."""
    alike: dict[Any, list[Tensor]] = {}
    for loss in losses:
        if isinstance(loss, Tensor):
            alike.setdefault((loss.shape, loss.dtype, loss.device), []).append(loss)
    values = {kind: iter(torch.stack(tensors).reshape(-1).tolist()) for kind, tensors in alike.items()}
    return [next(values[x.shape, x.dtype, x.device]) if isinstance(x, Tensor) else float(x) for x in losses]
