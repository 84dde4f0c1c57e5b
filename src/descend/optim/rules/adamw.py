"""AdamW: Adam whose weight decay shrinks the weights directly instead of through the gradient."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Options
from descend.optim.rules.adam import Adam


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, Alg. 2): each step shrinks θ by lr·weight_decay·θ.

    Use it for transformers, and for every training that needs weight decay: the strength of the decay does not
    depend on the size of the gradients.

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
        The coefficient of decoupled weight decay: each step shrinks θ by lr·weight_decay·θ.
    amsgrad : bool
        Whether to divide by the largest mean square so far (Reddi et al. 2018).
    bias_correction : bool
        Whether the running means are divided by 1 − βᵗ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = AdamW(model.parameters(), lr=1e-3)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        bias_correction: bool = True,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"bias_correction": bias_correction, "decoupled_weight_decay": True}
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **chosen, **options)
