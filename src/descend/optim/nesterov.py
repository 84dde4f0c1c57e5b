"""Nesterov's momentum as he wrote it: the gradient is taken where the velocity is about to carry the parameters."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Unpack

import torch

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.momentum import momentum


class Nesterov(Optimizer):
    """Nesterov's accelerated gradient (Nesterov 1983; Sutskever et al. 2013, eqs. 3 and 4), by look-ahead.

    The gradient belongs to θ + momentum·v: give `step` a closure, or go backward within `look_ahead()`. SGD with
    `nesterov=True` takes the same steps with its parameters resting at the point looked ahead to.

    >>> optimizer = Nesterov(model.parameters(), lr=0.1)
    >>> with optimizer.look_ahead():
    ...     loss(model).backward()
    >>> optimizer.step()
    """

    rule = staticmethod(momentum)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, **options)

    def hyper_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rate within the velocity."""
        return {**super().hyper_of(group), "inside": group["lr"], "outside": 1.0}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; `closure` is called at the point looked ahead to."""
        if closure is None:
            return super().step()
        with self.look_ahead(), torch.enable_grad():
            loss = closure()
        super().step()
        return loss

    @contextmanager
    def look_ahead(self) -> Iterator[None]:
        """Move the parameters to θ + momentum·v for a while."""
        moved = [
            (parameter, parameter.detach().clone(), -group["momentum"] * self.state[parameter]["v"])
            for group in self.param_groups
            for parameter in group["params"]
            if "v" in self.state.get(parameter, ())
        ]
        try:
            for parameter, _, ahead in moved:
                parameter.data.add_(ahead)
            yield
        finally:
            for parameter, rest, _ in moved:
                parameter.data.copy_(rest)
