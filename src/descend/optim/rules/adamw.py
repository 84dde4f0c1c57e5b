"""AdamW: Adam whose weights shrink beside its step, not through its gradient."""

from collections.abc import Iterable
from typing import Any, Unpack

from descend.optim.optimizer import Options
from descend.optim.rules.adam import Adam


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, Algorithm 2): θ shrinks by lr·weight_decay.

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
