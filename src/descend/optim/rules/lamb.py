"""LAMB: Adam whose step is, layer by layer, as long as the layer's weights."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.folds import decoupled_decay, trust_ratio
from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.adam import adam


class LAMB(Optimizer):
    """LAMB (You et al. 2020, Algorithm 2), for large batches: a trust ratio around Adam with its weight decay.

    >>> optimizer = LAMB(model.parameters(), lr=2e-3, weight_decay=0.01)
    """

    names = {"m": "exp_avg", "v": "exp_avg_sq"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"weight_decay": weight_decay, "bias_correction": bias_correction}
        super().__init__(params, lr=lr, betas=betas, eps=eps, **chosen, **options)

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return Adam, its weight decay within the trust ratio."""
        return trust_ratio(decoupled_decay(adam) if group["weight_decay"] else adam)

    def decay_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the rule as it is: it holds its weight decay already."""
        return lambda rule: rule
