"""Delta-bar-delta: each weight's learning rate grows while the gradient's sign is constant, else shrinks."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import where


def delta_bar_delta(theta, g, t, rate="lr", mean=0.0, *, lr, growth, shrinkage, decay):
    """Return the step, new learning rates and new mean gradient, all of theta's shape (Jacobs 1988, eqs. 6, 7).

    A weight's learning rate grows if its gradient and the mean of earlier gradients have one sign. The paper calls
    `growth` κ, `shrinkage` φ and `decay` θ.
    """
    steady = g * mean
    rate = rate + where(steady > 0, growth, where(steady < 0, -shrinkage * rate, 0.0))
    return -rate * g, rate, (1 - decay) * g + decay * mean


class DeltaBarDelta(Optimizer):
    """Delta-bar-delta (Jacobs 1988), for full batches: each weight has its own learning rate, which starts at `lr`.

    Use it only if each gradient is computed on all examples: the noise of mini-batches makes the learning rates
    fall.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The first learning rate of each weight.
    growth : float
        The number that is added to a learning rate if the gradient has the sign of the mean of earlier ones.
    shrinkage : float
        The share by which a learning rate shrinks if the gradient has the other sign.
    decay : float
        The decay factor of the running mean of the gradients.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = DeltaBarDelta(model.parameters(), lr=0.01)
    """

    rule = staticmethod(delta_bar_delta)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        growth: float = 1e-3,
        shrinkage: float = 0.1,
        decay: float = 0.7,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"growth": growth, "shrinkage": shrinkage, "decay": decay}
        super().__init__(params, lr=lr, weight_decay=weight_decay, **chosen, **options)
