"""AddSign: the step is larger where the gradient agrees with its running mean, and none where it does not."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import sign


def add_sign(theta, g, t, m=0.0, *, lr, beta, alpha, f):
    """Bello et al. 2017: f·sign(g)·sign(m) added to α."""
    m = beta * m + (1 - beta) * g
    return -lr * (alpha + f * sign(g) * sign(m)) * g, m


class AddSign(Optimizer):
    """AddSign (Bello et al. 2017). A schedule of f lets the signs count less and less.

    >>> optimizer = AddSign(model.parameters(), lr=0.1)
    >>> scheduler = Scheduler(optimizer, f=Linear(total_steps=10_000))
    """

    rule = staticmethod(add_sign)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        beta: float = 0.9,
        alpha: float = 1.0,
        weight_decay: float = 0.0,
        f: float = 1.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, beta=beta, alpha=alpha, weight_decay=weight_decay, f=f, **options)
