"""Adam: the step is about lr for every weight, whatever the scale of its gradient."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.amsgrad import amsgrad
from descend.optim.vocabulary import where


def adam(theta, g, t, m=0.0, v=0.0, *, lr, beta1, beta2, eps, bias_correction):
    """Return the Adam step and the new moments m and v, all of theta's shape (Kingma & Ba 2015, Algorithm 1)."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / where(bias_correction, 1 - beta1**t, 1.0)  # m is biased towards its initial value 0
    v_hat = v / where(bias_correction, 1 - beta2**t, 1.0)
    return -lr * m_hat / (v_hat**0.5 + eps), m, v


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015): momentum divided by the root of the gradients' running mean square.

    Use it as a first choice, and search the learning rate from 1e-4 to 1e-2. If you need weight decay, use `AdamW`.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    betas : tuple of float
        The decay factors of the running means of the gradients and of their squares.
    eps : float
        A small number that is added to the denominator.
    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    amsgrad : bool
        Whether to divide by the largest mean square so far (Reddi et al. 2018).
    bias_correction : bool
        Whether the running means are divided by 1 − βᵗ.
    decoupled_weight_decay : bool
        Whether weight decay shrinks the weights directly, as in `AdamW`.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Adam(model.parameters(), lr=1e-3)
    """

    names = {"m": "exp_avg", "v": "exp_avg_sq", "peak": "max_exp_avg_sq"}

    def __init__(
        self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, amsgrad: bool = False, *, bias_correction: bool = True,
        decoupled_weight_decay: bool = False, **options: Unpack[Options],
    ) -> None:  # fmt: skip
        chosen = {"betas": betas, "eps": eps, "amsgrad": amsgrad, "bias_correction": bias_correction}
        decay = {"weight_decay": weight_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, lr=lr, **chosen, **decay, **options)

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of Adam, or of AMSGrad if the group sets `amsgrad`."""
        return amsgrad if group["amsgrad"] else adam
