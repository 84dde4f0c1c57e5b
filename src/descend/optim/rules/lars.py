"""LARS: momentum whose learning rate in each layer is proportional to weight norm divided by gradient norm."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.folds import layer_rate
from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.momentum import momentum


class LARS(Optimizer):
    """LARS (You, Gitman & Ginsburg 2017), for large batches: momentum with gradients scaled to the weights' size.

    Use it for batches of thousands of examples and convolutional networks. Each tensor's gradient is multiplied by
    trust·‖θ‖/(‖g‖ + weight_decay·‖θ‖ + eps), after which momentum takes its usual step.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    momentum : float
        The share of the velocity that the next step keeps.
    weight_decay : float
        The coefficient of weight decay, which is part of the scaled gradient.
    trust : float
        The largest ratio of the gradient's norm to the norm of the weights, η in the paper.
    eps : float
        A small number that is added to the gradient's norm.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
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

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of momentum, with each tensor's gradient rescaled to a share of its weights' norm."""
        return layer_rate(momentum)

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the group's hyper-parameters, with the learning rate as the gradient's factor in the velocity."""
        return {**super().rule_hyperparameters(group), "gradient_factor": group["lr"], "velocity_factor": 1.0}

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the identity function, because the rule of `select_rule` already includes weight decay."""
        return lambda rule: rule
