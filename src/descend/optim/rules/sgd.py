"""Gradient descent, with optional momentum: the velocity is a decaying sum of the gradients."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.heavy_ball import heavy_ball
from descend.optim.rules.nesterov import nesterov


def sgd(theta, g, t, *, lr):
    """Return the gradient descent step −lr·g, of theta's shape (Robbins & Monro 1951)."""
    return (-lr * g,)


class SGD(Optimizer):
    """Gradient descent (Robbins & Monro 1951), with Polyak's or Nesterov's momentum.

    Use it with momentum 0.9 if you will search the learning rate. Without momentum, an ill-conditioned problem
    needs many more steps.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    momentum : float
        The share of the velocity that the next step keeps; 0 for plain gradient descent.
    dampening : float
        The share by which momentum reduces the gradient.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    nesterov : bool
        Whether to use Nesterov's momentum.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Raises
    ------
    ValueError
        If `nesterov` is used without momentum or with dampening, or a number is out of range.

    Examples
    --------
    >>> optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    """

    names = {"v": "momentum_buffer"}
    saves_steps = False

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0,
        weight_decay: float = 0.0, nesterov: bool = False, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        if nesterov and (momentum <= 0 or dampening):
            raise ValueError(f"SGD: nesterov needs momentum above 0 and no dampening, not {momentum} and {dampening}")
        chosen = {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}
        super().__init__(params, lr=lr, weight_decay=weight_decay, **chosen, **options)

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of SGD for a group: gradient descent, heavy ball or Nesterov's momentum."""
        if not group["momentum"]:
            return sgd
        return nesterov if group["nesterov"] else heavy_ball
