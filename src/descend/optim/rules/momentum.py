"""Momentum: the step is a decaying sum of the gradients."""

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from descend.optim.forms import Form, weights
from descend.optim.optimizer import Optimizer, Options


def momentum(theta, g, t, v=0.0, *, momentum, inside, outside):
    """Polyak 1964, §2, in the form that the weights make it (`forms`)."""
    v = momentum * v + inside * g
    return -outside * v, v


class Momentum(Optimizer):
    """Gradient descent with momentum (Polyak 1964), its rate read as one of four `form`s says.

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

    def hyper_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the two weights that the form gives to the rate."""
        inside, outside = weights(group["form"], group["lr"], group["momentum"])
        return {**super().hyper_of(group), "inside": inside, "outside": outside}
