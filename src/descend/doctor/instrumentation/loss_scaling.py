"""Losses under a GradScaler, which multiplies the loss by up to 65536 before the backward pass."""

import weakref
from typing import Any

from torch import Tensor

REMEMBERED = 8  # At most this many scaled losses are kept for their backward pass; a GAN has two losses.


class ScaledLosses:
    """Stores the losses that a GradScaler has scaled until their backward pass begins."""

    def __init__(self) -> None:
        self.has_stepped = False  # whether an optimizer has stepped since the last call of `GradScaler.step`
        self._waiting: dict[int, tuple[weakref.ref[Tensor], weakref.ref[Tensor], Tensor, Any]] = {}

    def add(self, scaled: Tensor, loss: Tensor, scaler: Any) -> None:
        """Store that `scaled` is `loss` times the scale of `scaler`."""
        if scaled is loss:  # A disabled scaler returns the loss itself.
            return
        while len(self._waiting) >= REMEMBERED:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[id(scaled)] = (weakref.ref(scaled), weakref.ref(loss), loss.detach(), scaler)

    def original(self, root: Tensor) -> tuple[Tensor, Any]:
        """Return the loss before scaling for a backward pass from `root`, and the scaler (None if not scaled)."""
        found = self._waiting.pop(id(root), None) if self._waiting else None
        if found is None or found[0]() is not root:
            return root, None
        _, reference, value, scaler = found
        loss = reference()
        return (value if loss is None else loss), scaler
