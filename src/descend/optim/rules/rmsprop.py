"""RMSprop: each weight's gradient is divided by the root of its recent mean square."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.folds import with_momentum
from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.centered_rmsprop import centered_rmsprop
from descend.optim.vocabulary import where


def rmsprop(theta, g, t, v=0.0, *, lr, alpha, eps, eps_inside, bias_correction):
    """Return the RMSprop step and the new mean square v, both of theta's shape (Tieleman & Hinton 2012, slide 29).

    `eps` is added after the square root, `eps_inside` under it.
    """
    v = alpha * v + (1 - alpha) * g**2
    v_hat = v / where(bias_correction, 1 - alpha**t, 1.0)
    return -lr * g / ((v_hat + eps_inside) ** 0.5 + eps), v


class RMSprop(Optimizer):
    """RMSprop (Tieleman & Hinton 2012): the gradient is divided by the root of its running mean square.

    Use it to reproduce results on recurrent networks and reinforcement learning. The first steps are up to 1/√(1 −
    alpha) times lr, which is ten times for alpha = 0.99, unless `bias_correction` is set.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    alpha : float
        The decay factor of the mean square.
    eps : float
        A small number that is added after the square root.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    momentum : float
        The momentum of the divided gradients; 0 for none.
    centered : bool
        Whether to subtract the square of the running mean from the mean square.
    eps_inside : float
        A small number that is added under the square root.
    bias_correction : bool
        Whether the running means are divided by 1 − alphaᵗ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = RMSprop(model.parameters(), lr=1e-3)
    """

    names = {"v": "square_avg", "m": "grad_avg", "b": "momentum_buffer"}

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False, eps_inside: float = 0.0,
        bias_correction: bool = False, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        chosen = {"alpha": alpha, "eps": eps, "eps_inside": eps_inside, "bias_correction": bias_correction}
        variant = {"weight_decay": weight_decay, "momentum": momentum, "centered": centered}
        super().__init__(params, lr=lr, **chosen, **variant, **options)

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of RMSprop for a group: centered or not, with or without momentum."""
        rule = centered_rmsprop if group["centered"] else rmsprop
        return with_momentum(rule) if group["momentum"] else rule
