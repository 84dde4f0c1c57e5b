"""AddSign: the step is smaller where the gradient and its running mean have opposite signs."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import sign


def add_sign(theta, g, t, m=0.0, *, lr, beta, alpha, f):
    """Return the step −lr·(α + f·sign(g)·sign(m))·g and the new mean gradient m, both of theta's shape.

    Bello et al. 2017.
    """
    m = beta * m + (1 - beta) * g
    return -lr * (alpha + f * sign(g) * sign(m)) * g, m


class AddSign(Optimizer):
    """AddSign (Bello et al. 2017): smaller steps where the gradient and its running mean have opposite signs.

    It was found by a search over update rules. Use it as an alternative to SGD with momentum.

    A schedule that lowers `f` reduces this effect of the signs.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    beta : float
        The decay factor of the running mean of the gradients.
    alpha : float
        The constant α in the factor α + f·sign(g)·sign(m) of the gradient.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    f : float
        The size of the effect of the signs.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = AddSign(model.parameters(), lr=0.1)
    >>> scheduler = Scheduler(optimizer, f=Linear(total_steps=10_000))
    """

    rule = staticmethod(add_sign)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.1,
        beta: float = 0.9,
        alpha: float = 1.0,
        weight_decay: float = 0.0,
        f: float = 1.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, beta=beta, alpha=alpha, weight_decay=weight_decay, f=f, **options)
