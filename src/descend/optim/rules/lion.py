"""Lion: the step is lr for every weight, in the direction of the sign of the gradients' running mean."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.folds import decoupled_decay
from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import sign


def lion(theta, g, t, m=0.0, *, lr, beta1, beta2):
    """Return the Lion step and the new momentum m, both of theta's shape (Chen et al. 2023, Algorithm 2)."""
    c = beta1 * m + (1 - beta1) * g
    return -lr * sign(c), beta2 * m + (1 - beta2) * g


class Lion(Optimizer):
    """Lion (Chen et al. 2023): the sign of a running mean of the gradients, with decoupled weight decay.

    Use it if memory is scarce: it stores one number per weight, where Adam stores two.

    A good learning rate is 3 to 10 times smaller than that of AdamW, and a good weight decay 3 to 10 times larger.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    betas : tuple of float
        The decay factors of the running mean in the step, and of the one that is stored.
    weight_decay : float
        The coefficient of decoupled weight decay: each step shrinks θ by lr·weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Lion(model.parameters(), lr=1e-4)
    """

    rule = staticmethod(lion)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay, **options)

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return decoupled weight decay, as in Algorithm 2."""
        return decoupled_decay
