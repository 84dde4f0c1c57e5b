"""AddSign: the step is larger where the gradient agrees with its running mean, and none where it does not."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.annealing import Annealed, Annealing
from descend.optim.optimizer import Options
from descend.optim.vocabulary import sign


def add_sign(theta, g, t, m=0.0, *, lr, beta, alpha, f):
    """Bello et al. 2017, §4.4."""
    m = beta * m + (1 - beta) * g
    return -lr * (alpha + f * sign(g) * sign(m)) * g, m


class AddSign(Annealed):
    """AddSign (Bello et al. 2017). Over `total_steps`, `annealing` lets the signs count less.

    >>> optimizer = AddSign(model.parameters(), lr=0.1, annealing="linear", total_steps=10_000)
    """

    rule = staticmethod(add_sign)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        beta: float = 0.9,
        alpha: float = 1.0,
        weight_decay: float = 0.0,
        annealing: Annealing = "none",
        total_steps: int | None = None,
        periods: float = 1.0,
        **options: Unpack[Options],
    ) -> None:
        fading = {"annealing": annealing, "total_steps": total_steps, "periods": periods}
        super().__init__(params, lr=lr, beta=beta, alpha=alpha, weight_decay=weight_decay, **fading, **options)
