"""Drop the learning rate when learning appears stuck, judged on a moving average of the loss."""

import math
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

AT_LEAST_0 = ("threshold", "cooldown", "eps")  # options that torch takes as they come


class ReduceLROnSmoothedPlateau(ReduceLROnPlateau):
    """torch's `ReduceLROnPlateau` on a moving average of what it is told: losses of single batches will do.

    Evaluating the loss on all data is expensive; the average ℓ̄ ← βℓ̄ + (1 − β)ℓ of the batches' losses costs
    nothing. It is bias-corrected, divided by 1 − β^t, and judged from 1/(1 − β) losses on: an average of a few is
    low by luck. `patience` and `cooldown` count calls, so give them in steps. Other options are torch's. Raises
    `ValueError` for an option out of its range, and for a loss that is NaN or infinite: a plateau cannot be told then.

    >>> scheduler = ReduceLROnSmoothedPlateau(optimizer, beta=0.99, patience=500, cooldown=200)
    >>> scheduler.step(1.25)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 500,
        *,
        beta: float = 0.99,
        **options: Any,
    ) -> None:
        name = type(self).__name__
        if not 0 <= beta < 1:
            raise ValueError(f"{name}: beta must lie in [0, 1), not {beta}")
        if not 0 < factor < 1:
            raise ValueError(f"{name}: factor must lie in (0, 1), not {factor}: the rate is multiplied by it")
        rates = options.get("min_lr", 0.0)
        given = {"patience": patience, **{which: options[which] for which in AT_LEAST_0 if which in options}}
        given["min_lr"] = min(rates, default=0.0) if isinstance(rates, list | tuple) else rates
        for which, value in given.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name}: {which} must be a finite number of at least 0, not {value}")
        self.beta, self._sum, self._calls = beta, 0.0, 0
        super().__init__(optimizer, mode, factor, patience, **options)

    @property
    def average(self) -> float:
        """The bias-corrected average of the losses so far; NaN before the first."""
        return self._sum / (1 - self.beta**self._calls) if self._calls else math.nan

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]  # as torch's own
        """Take in the loss of one more step, and drop the rate where its average is stuck."""
        loss = float(metrics)
        if not math.isfinite(loss):
            raise ValueError(f"ReduceLROnSmoothedPlateau: the loss is {loss}: whether it is stuck cannot be told")
        self._sum = self.beta * self._sum + (1 - self.beta) * loss
        self._calls += 1
        if self._calls >= 1 / (1 - self.beta):
            super().step(self.average, epoch)
