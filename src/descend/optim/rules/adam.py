"""Adam: a step of about lr in every direction, whatever the gradient's scale."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.amsgrad import amsgrad
from descend.optim.vocabulary import where


def adam(theta, g, t, m=0.0, v=0.0, *, lr, beta1, beta2, eps, bias_correction):
    """Kingma & Ba 2015, Algorithm 1."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / where(bias_correction, 1 - beta1**t, 1.0)  # a zero start biases m towards zero
    v_hat = v / where(bias_correction, 1 - beta2**t, 1.0)
    return -lr * m_hat / (v_hat**0.5 + eps), m, v


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): momentum over the root of the running mean square.

    >>> optimizer = Adam(model.parameters(), lr=1e-3)
    """

    names = {"m": "exp_avg", "v": "exp_avg_sq", "peak": "max_exp_avg_sq"}

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, amsgrad: bool = False, *, bias_correction: bool = True,
        decoupled_weight_decay: bool = False, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        chosen = {"betas": betas, "eps": eps, "amsgrad": amsgrad, "bias_correction": bias_correction}
        decay = {"weight_decay": weight_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, lr=lr, **chosen, **decay, **options)

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return Adam, or its form that never forgets a large gradient."""
        return amsgrad if group["amsgrad"] else adam
