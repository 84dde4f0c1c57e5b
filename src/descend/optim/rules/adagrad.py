"""Adagrad: each weight's rate falls with the sum of its squared gradients."""

from collections.abc import Iterable
from typing import Any

from descend.optim.optimizer import Optimizer


def adagrad(theta, g, t, v="initial_accumulator_value", *, lr, lr_decay, eps, initial_accumulator_value):
    """Duchi, Hazan & Singer 2011, the diagonal form of §1.1; ε outside the root."""
    v = v + g**2
    return -lr / (1 + (t - 1) * lr_decay) * g / (v**0.5 + eps), v


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011)."""

    rule = staticmethod(adagrad)
    names = {"v": "sum"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )
