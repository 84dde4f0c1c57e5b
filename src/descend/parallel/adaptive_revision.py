"""AdaptiveRevision: Adagrad for gradients that come late (McMahan & Streeter 2014).

A gradient g that was taken some updates ago finds the sum g_bck of those that have been applied since. Adagrad's sum of
squares takes 2·g·g_bck beside g², which is what it would have held had they come as one, and the steps of g_bck, made
at a larger rate, are revised to the new one.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from descend.parallel.messages import in_a_row
from descend.parallel.server import Fetched, ParameterServer


def adaptive_revision(
    g: Tensor, g_bck: Tensor, z: Tensor, z_max: Tensor, *, lr: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the step that is added to the parameters, and the new z and z′: what the paper does at an update."""
    before = lr / z_max**0.5
    z = z + g**2 + 2 * g * g_bck
    z_max = torch.maximum(z, z_max)
    after = lr / z_max**0.5
    return -after * g + (before - after) * g_bck, z, z_max


class AdaptiveRevisionServer(ParameterServer):
    """A parameter server whose rule knows how late a gradient comes, coordinate by coordinate.

    Without delay it is Adagrad whose sum of squares begins with 1. Raises `ValueError` for a rate that is not positive.
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float) -> None:
        if not lr > 0:
            raise ValueError(f"lr must be positive, not {lr}")
        super().__init__(parameters)
        self.lr = lr
        self.memory = in_a_row([torch.zeros_like(p) for p in self.parameters])  # ḡ, the sum of all gradients so far
        self._z = [torch.ones_like(p) for p in self.parameters]
        self._z_max = [torch.ones_like(p) for p in self.parameters]

    def update(self, gradients: Sequence[Tensor], fetched: Fetched) -> None:
        """Step by the gradients, and revise the steps that were made since they were taken."""
        for k, (g, then) in enumerate(zip(gradients, fetched.memory, strict=True)):
            step, self._z[k], self._z_max[k] = adaptive_revision(
                g, self.memory[k] - then, self._z[k], self._z_max[k], lr=self.lr
            )
            self.parameters[k] += step
            self.memory[k] += g

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters, the number of updates and the sums."""
        return {**super().state_dict(), "z": self._z, "z_max": self._z_max}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state)
        self._z, self._z_max = state["z"], state["z_max"]
