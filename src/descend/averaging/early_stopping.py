"""Early stopping on a held-out metric; the best weights can be restored."""

import math
from typing import Any, Literal

import torch
from torch import nn


class EarlyStopping:
    """Stores the model's best weights, and reports when a monitored value has not improved for `patience` calls.

    Prechelt 1998, §2.

    Parameters
    ----------
    model : torch.nn.Module
        The model that is trained.
    patience : int
        The number of calls of `step` without an improvement after which training should stop.
    mode : {"min", "max"}
        Whether a smaller or a larger value is better.
    min_delta : float
        The smallest improvement, in the unit of the value.

    Raises
    ------
    ValueError
        For a NaN value, which is neither better nor worse.

    Examples
    --------
    >>> stopping = EarlyStopping(model, patience=5)
    >>> while not stopping.step(held_out_loss(model)):
    ...     train_an_epoch(model)
    >>> stopping.restore()
    """

    def __init__(
        self, model: nn.Module, patience: int, mode: Literal["min", "max"] = "min", min_delta: float = 0.0
    ) -> None:
        if patience < 1 or not min_delta >= 0:
            raise ValueError(f"EarlyStopping: patience must be >= 1 and min_delta >= 0, not {patience} and {min_delta}")
        if mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode must be min or max, not {mode!r}")
        self.model, self.patience, self.min_delta = model, patience, min_delta
        self._sign = 1 if mode == "min" else -1
        self.best, self.since, self._weights = math.inf * self._sign, 0, dict[str, Any]()

    def step(self, value: float) -> bool:
        """Record the monitored value that the current weights reach, and return whether training should stop."""
        value = float(value)
        if math.isnan(value):
            raise ValueError("EarlyStopping: the monitored value is NaN")
        if self._sign * (self.best - value) > self.min_delta:
            self.best, self.since = value, 0
            self._weights = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        else:
            self.since += 1
        return self.since >= self.patience

    @torch.no_grad()
    def restore(self) -> None:
        """Load the best weights into the model. Raises `RuntimeError` if no finite value has been recorded."""
        if not self._weights:
            raise RuntimeError("EarlyStopping: no finite value has been recorded, so there are no best weights")
        self.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the best monitored value, the weights that reached it, and the number of `step` calls since then."""
        return {"best": self.best, "since": self.since, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self.best, self.since = state["best"], state["since"]
        self._weights = {name: tensor.clone() for name, tensor in state["weights"].items()}
