"""AdaptiveRevision: Adagrad for gradients that come late (McMahan & Streeter 2014).

Between the fetch and the push of a gradient g, the server applies other gradients. Their sum is g_bck. Adagrad's sum of
squares grows by g² + 2·g·g_bck, as if all these gradients had arrived as one. The steps of g_bck used a larger learning
rate, so the server corrects them to the new learning rate.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from descend.parallel.packing import contiguous_copies
from descend.parallel.server import Fetched, ParameterServer


def adaptive_revision(
    g: Tensor, g_bck: Tensor, z: Tensor, z_max: Tensor, *, lr: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the step to add to a parameter, and its new sums of squared gradients, called z and z′ in the paper.

    All tensors have the shape of one parameter.

    Parameters
    ----------
    g : torch.Tensor
        The delayed gradient.
    g_bck : torch.Tensor
        The sum of the gradients that were applied after the parameters of g were fetched.
    z : torch.Tensor
        The sum of squares.
    z_max : torch.Tensor
        The largest value of z so far.
    lr : float
        The learning rate.

    Returns
    -------
    tuple of torch.Tensor
        The step, and the new values of z and z_max.
    """
    before = lr / z_max**0.5
    z = z + g**2 + 2 * g * g_bck
    z_max = torch.maximum(z, z_max)
    after = lr / z_max**0.5
    return -after * g + (before - after) * g_bck, z, z_max


class AdaptiveRevisionServer(ParameterServer):
    """A parameter server that corrects the update of each weight for the delay of its gradient.

    Without delay it equals Adagrad with an initial sum of squares of 1.

    Parameters
    ----------
    parameters : sequence of torch.Tensor
        The initial parameters, which are copied.
    lr : float
        The learning rate.

    Raises
    ------
    ValueError
        If `lr` is not positive.
    """

    def __init__(self, parameters: Sequence[Tensor], lr: float) -> None:
        if not lr > 0:
            raise ValueError(f"lr must be positive, not {lr}")
        super().__init__(parameters)
        self.lr = lr
        # For each parameter, the memory is the sum of all gradients so far (ḡ in the paper).
        self.memory = contiguous_copies([torch.zeros_like(p) for p in self.parameters])
        self._z = [torch.ones_like(p) for p in self.parameters]
        self._z_max = [torch.ones_like(p) for p in self.parameters]

    def update(self, gradients: Sequence[Tensor], fetched: Fetched) -> None:
        """Apply one gradient per parameter, and correct the steps that the server made after the replica's fetch."""
        for k, (g, then) in enumerate(zip(gradients, fetched.memory, strict=True)):
            step, self._z[k], self._z_max[k] = adaptive_revision(
                g, self.memory[k] - then, self._z[k], self._z_max[k], lr=self.lr
            )
            self.parameters[k] += step
            self.memory[k] += g

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters, the number of updates, and the accumulators z and z′."""
        return {**super().state_dict(), "z": self._z, "z_max": self._z_max}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the parameters, the number of updates, and the accumulators z and z′ from `state`."""
        super().load_state_dict(state)
        self._z, self._z_max = state["z"], state["z_max"]
