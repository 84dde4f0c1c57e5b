"""LAMB: Adam whose step in each layer is rescaled to lr times the norm of the layer's weights."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from descend.optim.folds import decoupled_decay, trust_ratio
from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.adam import adam


class LAMB(Optimizer):
    """LAMB (You et al. 2020, Algorithm 2), for large batches: a trust ratio rescales the step of AdamW.

    Use it for batches of thousands of examples. For the step d of AdamW at a learning rate of 1, each tensor
    changes by lr·‖θ‖/‖d‖·d, so no layer changes by more than the share lr of its norm.

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
    bias_correction : bool
        Whether the running means are divided by 1 − βᵗ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = LAMB(model.parameters(), lr=2e-3, weight_decay=0.01)
    """

    names = {"m": "exp_avg", "v": "exp_avg_sq"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        bias_correction: bool = True,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"weight_decay": weight_decay, "bias_correction": bias_correction}
        super().__init__(params, lr=lr, betas=betas, eps=eps, **chosen, **options)

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of Adam or, with weight decay, AdamW, with the step rescaled by the trust ratio."""
        return trust_ratio(decoupled_decay(adam) if group["weight_decay"] else adam)

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the identity function, because the rule of `select_rule` already includes weight decay."""
        return lambda rule: rule
