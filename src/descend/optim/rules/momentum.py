"""Momentum: the step is a decaying sum of the gradients."""

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from descend.optim.forms import Form, momentum_factors
from descend.optim.optimizer import Optimizer, Options


def momentum(theta, g, t, v=0.0, *, momentum, gradient_factor, velocity_factor):
    """Return the momentum step and the new velocity v, both of theta's shape (Polyak 1964, §2).

    `gradient_factor` multiplies the gradient, `velocity_factor` the velocity; `descend.optim.forms` computes both.
    """
    v = momentum * v + gradient_factor * g
    return -velocity_factor * v, v


class Momentum(Optimizer):
    """Gradient descent with momentum (Polyak 1964); `form` selects one of four definitions of the learning rate.

    Use it to reproduce a text whose momentum differs from torch's: `convert_lr` converts learning rates.

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
    form : {"velocity", "sum", "average", "blend"}
        The definition of the learning rate; `convert_lr` converts between the forms.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Momentum(model.parameters(), lr=0.1, form="average")
    """

    rule = staticmethod(momentum)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        form: Form = "velocity",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, form=form, **options)

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the group's hyper-parameters, with the factors of the gradient and of the velocity in a step."""
        gradient_factor, velocity_factor = momentum_factors(group["form"], group["lr"], group["momentum"])
        return {
            **super().rule_hyperparameters(group),
            "gradient_factor": gradient_factor,
            "velocity_factor": velocity_factor,
        }
