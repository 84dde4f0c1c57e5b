"""Elastic averaging SGD: replicas train independently and are pulled to a centre (Zhang, Choromanska & LeCun 2015).

Every τ steps, a replica x and the centre x̃ move towards each other: x ← x − α(x − x̃), x̃ ← x̃ + α(x − x̃) (algorithm
1). The sum x + x̃ does not change.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from descend.parallel.packing import contiguous_copies
from descend.parallel.server import check_pushed


class Centre:
    """The centre variable of elastic averaging SGD, with which all replicas exchange parameters.

    Parameters
    ----------
    parameters : sequence of torch.Tensor
        The initial parameters, which are copied.
    alpha : float
        The fraction of their distance by which the centre and a replica move, in (0, 1). The paper uses 0.9 / p for p
        replicas.

    Raises
    ------
    ValueError
        For another alpha, for tensors of another model, and for NaN.
    """

    def __init__(self, parameters: Sequence[Tensor], alpha: float) -> None:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
        self.parameters = contiguous_copies(parameters)
        self.alpha, self.version = alpha, 0

    @torch.no_grad()
    def exchange(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Move the centre towards a replica, and return the replica's new parameters, moved towards the centre."""
        pulled = self.pull_replica(replica)
        for centre, before, after in zip(self.parameters, replica, pulled):
            centre += before - after
        self.version += 1
        return pulled

    @torch.no_grad()
    def pull_replica(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Return a replica's parameters after a move towards the centre. The centre itself does not move."""
        check_pushed(replica, self.parameters)
        return [x - self.alpha * (x - centre) for x, centre in zip(replica, self.parameters)]

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters and the number of exchanges."""
        return {"parameters": self.parameters, "version": self.version}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the parameters and the number of exchanges from `state`, which `state_dict` returned."""
        self.parameters, self.version = state["parameters"], state["version"]
