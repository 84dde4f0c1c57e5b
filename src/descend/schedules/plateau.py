"""Reduction of the learning rate when a moving average of the loss stops improving."""

import math
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

AT_LEAST_0 = ("threshold", "cooldown", "eps")  # options of torch's scheduler whose range torch does not check


class ReduceLROnSmoothedPlateau(ReduceLROnPlateau):
    """torch's `ReduceLROnPlateau`, applied to a moving average, so that it can be called with the loss of each batch.

    The average ℓ̄ ← βℓ̄ + (1 − β)ℓ of batch losses costs nothing, unlike a loss on all data. It is divided by 1 − β^t
    (bias correction) and used after 1/(1 − β) losses, because an average of a few can be low by chance.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer whose learning rates are reduced.
    mode : {"min", "max"}
        Whether a smaller or a larger average is better.
    factor : float
        The number in (0, 1) that multiplies the learning rates.
    patience : int
        The number of calls of `step` without an improvement before a reduction.
    beta : float
        The decay factor β of the moving average, in [0, 1).
    **options
        Further options of torch's `ReduceLROnPlateau`, such as `cooldown`, which also counts calls.

    Raises
    ------
    ValueError
        For an option out of range, and for a loss that is NaN or infinite.

    Examples
    --------
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
            raise ValueError(f"{name}: beta must be in [0, 1), not {beta}")
        if not 0 < factor < 1:
            raise ValueError(f"{name}: factor multiplies the learning rate and must be in (0, 1), not {factor}")
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
        """The bias-corrected average of the losses so far; NaN before the first loss."""
        return self._sum / (1 - self.beta**self._calls) if self._calls else math.nan

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]  # torch's own `step` also differs from its base class
        """Record the loss of one step, and reduce the learning rate if the average loss has stopped improving."""
        loss = float(metrics)
        if not math.isfinite(loss):
            raise ValueError(f"ReduceLROnSmoothedPlateau: the loss is {loss}, so a plateau cannot be detected")
        self._sum = self.beta * self._sum + (1 - self.beta) * loss
        self._calls += 1
        if self._calls >= 1 / (1 - self.beta):
            super().step(self.average, epoch)
