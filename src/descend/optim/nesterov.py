"""Nesterov's momentum in its original form: the gradient is computed at θ + momentum·v."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Unpack

import torch

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.momentum import momentum


class Nesterov(Optimizer):
    """Nesterov's accelerated gradient with look-ahead (Nesterov 1983; Sutskever et al. 2013, eqs. 3 and 4).

    The gradient must be computed at θ + momentum·v: pass `step` a closure, or call `backward` within `look_ahead()`.
    SGD with `nesterov=True` takes the same steps, but stores θ + momentum·v as its parameters.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    momentum : float
        The share of the velocity that the next step keeps.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
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

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the group's hyper-parameters, with the learning rate as the gradient's factor in the velocity."""
        return {**super().rule_hyperparameters(group), "gradient_factor": group["lr"], "velocity_factor": 1.0}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step, and return the closure's loss. During the closure, the parameters are at θ + momentum·v."""
        if closure is None:
            return super().step()
        with self.look_ahead(), torch.enable_grad():
            loss = closure()
        super().step()
        return loss

    @contextmanager
    def look_ahead(self) -> Iterator[None]:
        """Move the parameters to θ + momentum·v within the `with` block, and restore them afterwards."""
        shifts = [
            (parameter, parameter.detach().clone(), -group["momentum"] * self.state[parameter]["v"])
            for group in self.param_groups
            for parameter in group["params"]
            if "v" in self.state.get(parameter, ())
        ]
        try:
            for parameter, _, shift in shifts:
                parameter.data.add_(shift)
            yield
        finally:
            for parameter, original, _ in shifts:
                parameter.data.copy_(original)
