"""Delta-bar-delta: each weight's rate grows by a little while its gradient is steady, and shrinks when it flips."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import where


def delta_bar_delta(theta, g, t, rate="lr", mean=0.0, *, lr, growth, shrinkage, decay):
    """Jacobs 1988, eqs. 6 and 7 (κ, φ, θ there): the gradient against the mean of those before it."""
    steady = g * mean
    rate = rate + where(steady > 0, growth, where(steady < 0, -shrinkage * rate, 0.0))
    return -rate * g, rate, (1 - decay) * g + decay * mean


class DeltaBarDelta(Optimizer):
    """Delta-bar-delta (Jacobs 1988), for full batches. `lr` is what every weight's rate begins with.

    >>> optimizer = DeltaBarDelta(model.parameters(), lr=0.01)
    """

    rule = staticmethod(delta_bar_delta)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        growth: float = 1e-3,
        shrinkage: float = 0.1,
        decay: float = 0.7,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"growth": growth, "shrinkage": shrinkage, "decay": decay}
        super().__init__(params, lr=lr, weight_decay=weight_decay, **chosen, **options)
