"""Elastic averaging: replicas explore on their own, tied by a spring to a centre (Zhang, Choromanska & LeCun 2015).

Every τ steps a replica x and the centre x̃ pull at each other: x ← x − α(x − x̃), x̃ ← x̃ + α(x − x̃) (algorithm 1). What
one loses the other gains, so that x + x̃ stays.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from descend.parallel.messages import in_a_row
from descend.parallel.server import check_pushed


class Centre:
    """The centre variable. alpha: the share of the distance that either goes, in (0, 1).

    The paper takes 0.9 / p of p replicas. Raises `ValueError` for another share, and for tensors of another model or
    with NaN.
    """

    def __init__(self, parameters: Sequence[Tensor], alpha: float) -> None:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
        self.parameters = in_a_row(parameters)
        self.alpha, self.version = alpha, 0

    @torch.no_grad()
    def exchange(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Return where the replica is pulled to, and be pulled by it."""
        pulled = self.pulled(replica)
        for centre, before, after in zip(self.parameters, replica, pulled):
            centre += before - after
        self.version += 1
        return pulled

    @torch.no_grad()
    def pulled(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Return where the replica is pulled to."""
        check_pushed(replica, self.parameters)
        return [x - self.alpha * (x - centre) for x, centre in zip(replica, self.parameters)]

    def state_dict(self) -> dict[str, Any]:
        """Return the parameters and the number of exchanges."""
        return {"parameters": self.parameters, "version": self.version}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.parameters, self.version = state["parameters"], state["version"]
