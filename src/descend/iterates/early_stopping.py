"""Stop where held-out data say so, and go back to the best weights."""

import math
from typing import Any, Literal

import torch
from torch import nn


class EarlyStopping:
    """Keeps the weights where a monitored value was best, and says when it has not improved for `patience` calls.

    Prechelt 1998, §2. `mode` says whether a smaller ("min") or a larger value is better, `min_delta` what counts as
    better. Raises `ValueError` for a value that is NaN: it is neither better nor worse.

    >>> stopping = EarlyStopping(model, patience=5)
    >>> while not stopping.step(held_out_loss(model)):
    ...     train_an_epoch(model)
    >>> stopping.restore()
    """

    def __init__(
        self, model: nn.Module, patience: int, mode: Literal["min", "max"] = "min", min_delta: float = 0.0
    ) -> None:
        if patience < 1 or not min_delta >= 0:
            raise ValueError(f"EarlyStopping: it needs patience >= 1 and min_delta >= 0, not {patience}, {min_delta}")
        if mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode must be min or max, not {mode!r}")
        self.model, self.patience, self.min_delta = model, patience, min_delta
        self._sign = 1 if mode == "min" else -1
        self.best, self.since, self._weights = math.inf * self._sign, 0, dict[str, Any]()

    def step(self, value: float) -> bool:
        """Take in the monitored value of the present weights; return whether to stop."""
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
        """Give the model the best weights. Raises `RuntimeError` before the first finite value."""
        if not self._weights:
            raise RuntimeError("EarlyStopping: no value has been better than none, so there are no best weights")
        self.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value, its weights, and how long ago they were."""
        return {"best": self.best, "since": self.since, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take those of a checkpoint."""
        self.best, self.since = state["best"], state["since"]
        self._weights = {name: tensor.clone() for name, tensor in state["weights"].items()}
