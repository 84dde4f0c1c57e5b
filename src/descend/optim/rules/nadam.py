"""NAdam: Adam that looks one step of momentum ahead."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options


def nadam(theta, g, t, m=0.0, v=0.0, product=1.0, *, lr, beta1, beta2, eps, momentum_decay):
    """Dozat 2016, Algorithm 2, with the warm-up of its momentum µ."""
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    product = product * mu
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    m_hat = mu_next / (1 - product * mu_next) * m + (1 - mu) / (1 - product) * g
    return -lr * m_hat / ((v / (1 - beta2**t)) ** 0.5 + eps), m, v, product


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016).

    >>> optimizer = NAdam(model.parameters(), lr=2e-3)
    """

    rule = staticmethod(nadam)
    names = {"m": "exp_avg", "v": "exp_avg_sq", "product": "mu_product"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        **options: Unpack[Options],
    ) -> None:
        decay = {"weight_decay": weight_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, lr=lr, betas=betas, eps=eps, momentum_decay=momentum_decay, **decay, **options)
