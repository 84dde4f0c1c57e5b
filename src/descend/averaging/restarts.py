"""Restarts of training: from new initial weights, or with a cleared optimizer state and a smaller learning rate."""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from descend.averaging.early_stopping import EarlyStopping


def random_restarts(
    make: Callable[[], nn.Module], train: Callable[[nn.Module], float], restarts: int = 4, seed: int = 0
) -> tuple[nn.Module, list[float]]:
    """Train a model from `restarts` random initialisations. Return the model with the lowest loss, and all losses.

    Parameters
    ----------
    make : callable
        Builds the model, with random initial weights.
    train : callable
        Trains the model, and returns the loss that is compared.
    restarts : int
        The number of models to train.
    seed : int
        The seed of torch's generator before the first model. It is `seed` + 1 before the second, and so on.

    Returns
    -------
    tuple of torch.nn.Module and list of float
        The model with the lowest loss, and the losses of all models.

    Raises
    ------
    ValueError
        If no loss is finite.
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
        raise ValueError(f"random_restarts: no restart reached a finite loss: {losses}")
    return best, losses


class RestartOnPlateau:
    """Restarts the optimizer at each plateau, with a smaller learning rate (Denkowski & Neubig 2017).

    When the monitored value has not improved for `patience` calls, the best weights are restored, the learning rate is
    multiplied by `factor`, and the optimizer's state is cleared.

    Parameters
    ----------
    model : torch.nn.Module
        The model that is trained.
    optimizer : torch.optim.Optimizer
        The optimizer to restart.
    patience : int
        The number of calls of `step` without an improvement before a restart.
    restarts : int
        The number of restarts. The next plateau ends training.
    factor : float
        The number in (0, 1) that multiplies the learning rates at a restart.
    mode : {"min", "max"}
        Whether a smaller or a larger value is better.

    Raises
    ------
    ValueError
        If a number is outside its limits.

    Examples
    --------
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
            raise ValueError(f"RestartOnPlateau: restarts must be >= 0 and 0 < factor < 1, not {restarts} and {factor}")
        self.optimizer, self.left, self.factor = optimizer, restarts, factor
        self.stopping = EarlyStopping(model, patience, mode)

    def step(self, value: float) -> bool:
        """Record the monitored value. Return whether training is over; if so, the best weights are in the model."""
        if not self.stopping.step(value):
            return False
        self.stopping.restore()
        if not self.left:
            return True
        self.left, self.stopping.since = self.left - 1, 0
        self.optimizer.state.clear()
        for group in self.optimizer.param_groups:
            for rate in ("lr", "initial_lr"):  # a scheduler computes lr from initial_lr, so both are reduced
                if rate in group:
                    group[rate] *= self.factor  # multiply in place, because the learning rate may be a tensor
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return the number of restarts that are left, and the state of the early stopping."""
        return {"left": self.left, "stopping": self.stopping.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self.left = state["left"]
        self.stopping.load_state_dict(state["stopping"])
