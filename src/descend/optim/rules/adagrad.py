"""Adagrad: each weight's learning rate falls with the sum of its squared gradients."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options


def adagrad(theta, g, t, v="initial_accumulator_value", *, lr, lr_decay, eps, eps_inside, initial_accumulator_value):
    """Return the Adagrad step and the new sum v of squared gradients, both of theta's shape.

    This is the diagonal form (Duchi, Hazan & Singer 2011, §1.1), with ε outside the root or inside it.
    """
    v = v + g**2
    return -lr / (1 + (t - 1) * lr_decay) * g / ((v + eps_inside) ** 0.5 + eps), v


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer 2011): each gradient is divided by the root of the sum of squared gradients.

    Use it for sparse features: weights with few gradients keep long steps. All steps only become shorter, so long
    trainings become slow.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    lr_decay : float
        The learning rate of step t is lr / (1 + (t − 1)·lr_decay).
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    initial_accumulator_value : float
        The initial sum of squared gradients.
    eps : float
        A small number that is added after the square root.
    eps_inside : float
        A small number that is added under the square root.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Adagrad(model.parameters(), lr=0.01)
    """

    rule = staticmethod(adagrad)
    names = {"v": "sum"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        eps_inside: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"initial_accumulator_value": initial_accumulator_value, "eps": eps, "eps_inside": eps_inside}
        super().__init__(params, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, **chosen, **options)
