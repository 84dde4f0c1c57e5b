"""Adadelta: the step has the units of the weights, and no learning rate must be tuned."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options


def adadelta(theta, g, t, v=0.0, d=0.0, *, lr, rho, eps):
    """Return the Adadelta step and the new means of squared gradients v and squared steps d (Zeiler 2012, Alg. 1).

    All are tensors of theta's shape.
    """
    v = rho * v + (1 - rho) * g**2
    step = (d + eps) ** 0.5 / (v + eps) ** 0.5 * g
    return -lr * step, v, rho * d + (1 - rho) * step**2


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): each gradient is scaled by RMS(recent steps) / RMS(recent gradients).

    Use it if no learning rate can be searched: its step has the unit of the weights. It is often slower than a
    tuned optimizer.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The number that multiplies the steps.
    rho : float
        The decay factor of the running means of the squares.
    eps : float
        A small number that is added to both running means.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Adadelta(model.parameters())
    """

    rule = staticmethod(adadelta)
    names = {"v": "square_avg", "d": "acc_delta"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, **options)
