"""Losses under a GradScaler: what goes backward is the loss times a factor of up to 65536."""

import weakref
from typing import Any

from torch import Tensor

REMEMBERED = 8  # scaled losses that have not gone backward yet: a GAN makes two


class Scaled:
    """The losses that a scaler has scaled, until they go backward."""

    def __init__(self) -> None:
        self.stepped = False  # whether an optimizer has stepped since a scaler was last asked to step one
        self._waiting: dict[int, tuple[weakref.ref[Tensor], weakref.ref[Tensor], Tensor, Any]] = {}

    def remember(self, scaled: Tensor, loss: Tensor, scaler: Any) -> None:
        """Take note that `scaled` is `loss` times the scaler's factor."""
        if scaled is loss:  # the scaler is switched off
            return
        while len(self._waiting) >= REMEMBERED:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[id(scaled)] = (weakref.ref(scaled), weakref.ref(loss), loss.detach(), scaler)

    def original(self, root: Tensor) -> tuple[Tensor, Any]:
        """Return the loss that `root` is, unscaled, and its scaler, or None."""
        found = self._waiting.pop(id(root), None) if self._waiting else None
        if found is None or found[0]() is not root:
            return root, None
        _, reference, value, scaler = found
        loss = reference()
        return (value if loss is None else loss), scaler
