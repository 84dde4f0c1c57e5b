"""Adagrad: each weight's rate falls with the sum of its squared gradients."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options


def adagrad(theta, g, t, v="initial_accumulator_value", *, lr, lr_decay, eps, eps_inside, initial_accumulator_value):
    """Duchi, Hazan & Singer 2011, the diagonal form of §1.1; ε outside the root or inside it."""
    v = v + g**2
    return -lr / (1 + (t - 1) * lr_decay) * g / ((v + eps_inside) ** 0.5 + eps), v


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011). `eps` is added to the root, `eps_inside` under it.

    >>> optimizer = Adagrad(model.parameters(), lr=0.01)
    """

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
        eps_inside: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        held = {"initial_accumulator_value": initial_accumulator_value, "eps": eps, "eps_inside": eps_inside}
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, **held, **options)
