"""Nesterov's momentum in its original form: the gradient is computed at θ + momentum·v."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.momentum import momentum

PLAIN_MOMENTUM = (
    "Nesterov: the gradients were computed at θ instead of θ + momentum·v, so the steps are those of plain momentum; "
    "pass step() a closure, call backward() within look_ahead(), or use SGD(nesterov=True)"
)


class Nesterov(Optimizer):
    """Nesterov's accelerated gradient with look-ahead (Nesterov 1983; Sutskever et al. 2013, eqs. 3 and 4).

    Use it for smooth, ill-conditioned problems with little noise.

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
    _has_looked_ahead = False  # since the last step

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
        """Take one step, and return the closure's loss. During the closure, the parameters are at θ + momentum·v.

        Warns if the gradients were computed at θ, with neither a closure nor `look_ahead()`.
        """
        loss = None
        if closure is not None:
            with self.look_ahead(), torch.enable_grad():
                loss = closure()
        elif not self._has_looked_ahead and self._moving_parameters():
            warnings.warn(PLAIN_MOMENTUM, stacklevel=3)
        self._has_looked_ahead = False
        super().step()
        return loss

    @contextmanager
    def look_ahead(self) -> Iterator[None]:
        """Move the parameters to θ + momentum·v within the `with` block, and restore them afterwards."""
        self._has_looked_ahead = True
        shifts = [
            (parameter, parameter.detach().clone(), -momentum * self.state[parameter]["v"])
            for parameter, momentum in self._moving_parameters()
        ]
        try:
            for parameter, _, shift in shifts:
                parameter.data.add_(shift)
            yield
        finally:
            for parameter, original, _ in shifts:
                parameter.data.copy_(original)

    def _moving_parameters(self) -> list[tuple[Tensor, float]]:
        """Return the parameters that have a velocity, each with the momentum of its group."""
        return [
            (parameter, group["momentum"])
            for group in self.param_groups
            for parameter in group["params"]
            if group["momentum"] and "v" in self.state.get(parameter, ())
        ]
