"""Gradient descent, with momentum where it is asked for: the velocity is a decaying sum of the gradients."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.heavy_ball import heavy_ball
from descend.optim.rules.nesterov import nesterov


def sgd(theta, g, t, *, lr):
    """Robbins & Monro 1951: downhill, in proportion to the slope."""
    return (-lr * g,)


class SGD(Optimizer):
    """Gradient descent (Robbins & Monro 1951), with Polyak's or Nesterov's momentum.

    >>> optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    """

    names = {"v": "momentum_buffer"}
    saves_steps = False

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        if nesterov and (momentum <= 0 or dampening):
            raise ValueError(f"SGD: nesterov needs momentum above 0 and no dampening, not {momentum} and {dampening}")
        chosen = {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}
        super().__init__(params, lr=lr, weight_decay=weight_decay, **chosen, **options)

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return gradient descent, or one of its momentum forms."""
        if not group["momentum"]:
            return sgd
        return nesterov if group["nesterov"] else heavy_ball
