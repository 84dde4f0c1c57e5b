"""Adam: a step of about lr in every direction, whatever the gradient's scale."""

from collections.abc import Iterable
from typing import Any

from descend.optim.folds import decoupled_decay
from descend.optim.optimizer import Optimizer


def adam(theta, g, t, m=0.0, v=0.0, *, lr, beta1, beta2, eps):
    """Kingma & Ba 2015, Algorithm 1."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)  # a zero start biases m towards zero
    v_hat = v / (1 - beta2**t)
    return -lr * m_hat / (v_hat**0.5 + eps), m, v


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): momentum over the root of the running mean square.

    >>> import torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * torch.tensor([3.0, 0.01])).sum().backward(); optimizer.step()
    >>> w.detach()
    tensor([0.9000, 0.9000])
    """

    rule = staticmethod(adam)
    names = {"m": "exp_avg", "v": "exp_avg_sq"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): θ shrinks by lr·weight_decay beside the step."""

    decay = staticmethod(decoupled_decay)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize=maximize)
