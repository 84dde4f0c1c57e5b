"""Adadelta: the step has the units of the weights, and no rate to choose."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options


def adadelta(theta, g, t, v=0.0, d=0.0, *, lr, rho, eps):
    """Zeiler 2012, Algorithm 1."""
    v = rho * v + (1 - rho) * g**2
    step = (d + eps) ** 0.5 / (v + eps) ** 0.5 * g
    return -lr * step, v, rho * d + (1 - rho) * step**2


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012).

    >>> optimizer = Adadelta(model.parameters())
    """

    rule = staticmethod(adadelta)
    names = {"v": "square_avg", "d": "acc_delta"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, **options)
