"""LARS: momentum whose rate is, layer by layer, in proportion to the weights' norm over the gradient's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.folds import layer_rate
from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.momentum import momentum


class LARS(Optimizer):
    """LARS (You, Gitman & Ginsburg 2017), for large batches. `trust` is the paper's η.

    >>> optimizer = LARS(model.parameters(), lr=1.0, weight_decay=5e-4)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 1e-3,
        eps: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"momentum": momentum, "weight_decay": weight_decay, "trust": trust, "eps": eps}
        super().__init__(params, lr=lr, **chosen, **options)

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return momentum on scaled gradients."""
        return layer_rate(momentum)

    def hyper_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rate within the velocity."""
        return {**super().hyper_of(group), "inside": group["lr"], "outside": 1.0}

    def decay_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the rule as it is: it holds its weight decay already."""
        return lambda rule: rule
