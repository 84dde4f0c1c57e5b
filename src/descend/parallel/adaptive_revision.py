"""AdaptiveRevision: Adagrad for gradients that come late (McMahan & Streeter 2014).

A gradient g that was taken some updates ago finds the sum g_bck of those that have been applied since. Adagrad's sum of
squares takes 2·g·g_bck beside g², which is what it would have held had they come as one, and the steps of g_bck, made
at a larger rate, are revised to the new one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.parallel.server import Fetched, check_pushed, counted


def adaptive_revision(
    g: Tensor, g_bck: Tensor, z: Tensor, z_max: Tensor, *, lr: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the step that is added to the parameters, and the new z and z′: what the paper does at an update."""
    before = lr / z_max**0.5
    z = z + g**2 + 2 * g * g_bck
    z_max = torch.maximum(z, z_max)
    after = lr / z_max**0.5
    return -after * g + (before - after) * g_bck, z, z_max


class AdaptiveRevisionServer:
    """A parameter server whose rule knows how late a gradient comes, coordinate by coordinate.

    Without delay it is Adagrad whose sum of squares begins with 1. Raises `ValueError` for a rate that is not positive
    and for gradients of another model or with NaN.
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float) -> None:
        if not lr > 0:
            raise ValueError(f"lr must be positive, not {lr}")
        self.parameters = [p.detach().clone() for p in parameters]
        self.lr, self.version = lr, 0
        self._total = [torch.zeros_like(p) for p in self.parameters]  # ḡ, of all gradients so far
        self._z = [torch.ones_like(p) for p in self.parameters]
        self._z_max = [torch.ones_like(p) for p in self.parameters]

    def fetch(self) -> Fetched:
        """Return copies of the parameters, and the sum of the gradients so far, which a push brings back."""
        return Fetched(self.version, [p.clone() for p in self.parameters], [t.clone() for t in self._total])

    def push(self, gradients: Sequence[Tensor], fetched: Fetched) -> int:
        """Apply a push; return its staleness."""
        check_pushed(gradients, self.parameters)
        for k, (g, then) in enumerate(zip(gradients, fetched.memory, strict=True)):
            step, self._z[k], self._z_max[k] = adaptive_revision(
                g.detach(), self._total[k] - then, self._z[k], self._z_max[k], lr=self.lr
            )
            self.parameters[k] += step
            self._total[k] += g.detach()
        return counted(self, fetched)
