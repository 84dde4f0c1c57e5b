"""AdaMax: Adam with the largest recent gradient in place of the root mean square."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import maximum


def adamax(theta, g, t, m=0.0, u=0.0, *, lr, beta1, beta2, eps):
    """Return the AdaMax step, the new mean m and the new maximum u, all of theta's shape (Kingma & Ba 2015, Alg. 2)."""
    m = beta1 * m + (1 - beta1) * g
    u = maximum(beta2 * u, abs(g) + eps)
    return -lr / (1 - beta1**t) * m / u, m, u


class Adamax(Optimizer):
    """AdaMax (Kingma & Ba 2015): Adam with the largest recent gradient in place of the root mean square.

    Use it if a few gradients are far larger than the others: each weight still moves by about lr at most.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    betas : tuple of float
        The decay factors of the running mean of the gradients and of the largest gradient.
    eps : float
        A small number that is added to the absolute gradients.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Adamax(model.parameters(), lr=2e-3)
    """

    rule = staticmethod(adamax)
    names = {"m": "exp_avg", "u": "exp_inf"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, **options)
