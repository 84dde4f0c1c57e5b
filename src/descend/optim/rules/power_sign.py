"""PowerSign: the step is larger where the gradient agrees with its running mean, smaller where it does not."""

import math
from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import where


def power_sign(theta, g, t, m=0.0, *, lr, beta, base, f):
    """Bello et al. 2017: base^(f·sign(g)·sign(m)), of which there are three values."""
    m = beta * m + (1 - beta) * g
    agree = g * m
    return -lr * where(agree > 0, base**f, where(agree < 0, base ** (-f), 1.0)) * g, m


class PowerSign(Optimizer):
    """PowerSign (Bello et al. 2017). A schedule of f lets the signs count less and less.

    >>> optimizer = PowerSign(model.parameters(), lr=0.1)
    >>> scheduler = Scheduler(optimizer, f=Linear(total_steps=10_000))
    """

    rule = staticmethod(power_sign)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        beta: float = 0.9,
        base: float = math.e,
        weight_decay: float = 0.0,
        f: float = 1.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, beta=beta, base=base, weight_decay=weight_decay, f=f, **options)
