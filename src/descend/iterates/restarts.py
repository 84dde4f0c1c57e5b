"""Starting again: from other weights, or with the rule's memory wiped and a smaller rate."""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from descend.iterates.early_stopping import EarlyStopping


def random_restarts(
    make: Callable[[], nn.Module], train: Callable[[nn.Module], float], restarts: int = 4, seed: int = 0
) -> tuple[nn.Module, list[float]]:
    """Train a model from `restarts` random initialisations; return the best one, and the loss that each ended with.

    `make` builds the model, `train` trains it and returns the loss to compare by; before each pair torch's generator
    is seeded with `seed`, `seed` + 1, … A loss that is not finite loses. Raises `ValueError` where none is finite.
    """
    if restarts < 1:
        raise ValueError(f"random_restarts: restarts must be at least 1, not {restarts}")
    losses: list[float] = []
    best: nn.Module | None = None
    for k in range(restarts):
        torch.manual_seed(seed + k)
        model = make()
        loss = float(train(model))
        if math.isfinite(loss) and loss < min(filter(math.isfinite, losses), default=math.inf):
            best = model
        losses.append(loss)
    if best is None:
        raise ValueError(f"random_restarts: no start led to a finite loss: {losses}")
    return best, losses


class RestartOnPlateau:
    """Adam with restarts and annealing (Denkowski & Neubig 2017): when stuck, go back, halve the rate, forget.

    Where the monitored value has not improved for `patience` calls, the best weights are restored, the learning rate
    is multiplied by `factor` and the rule's state is cleared; after `restarts` of these the next plateau is the end.

    >>> restart = RestartOnPlateau(model, optimizer, patience=5)
    >>> while not restart.step(held_out_loss(model)):
    ...     train_an_epoch(model)
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        patience: int,
        restarts: int = 2,
        factor: float = 0.5,
        mode: Literal["min", "max"] = "min",
    ) -> None:
        if restarts < 0 or not 0 < factor < 1:
            raise ValueError(f"RestartOnPlateau: it needs restarts >= 0 and 0 < factor < 1, not {restarts}, {factor}")
        self.optimizer, self.left, self.factor = optimizer, restarts, factor
        self.stopping = EarlyStopping(model, patience, mode)

    def step(self, value: float) -> bool:
        """Take in the monitored value; return whether training is over. The model has its best weights then."""
        if not self.stopping.step(value):
            return False
        self.stopping.restore()
        if not self.left:
            return True
        self.left, self.stopping.since = self.left - 1, 0
        self.optimizer.state.clear()
        for group in self.optimizer.param_groups:
            for rate in ("lr", "initial_lr"):  # a scheduler multiplies the initial one
                if rate in group:
                    group[rate] *= self.factor  # in place where it is a tensor
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return the restarts left, and what early stopping holds."""
        return {"left": self.left, "stopping": self.stopping.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take those of a checkpoint."""
        self.left = state["left"]
        self.stopping.load_state_dict(state["stopping"])
