"""Schedule-Free AdamW: AdamW with an average of all iterates in place of a learning rate schedule."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.optimizer import Optimizer, Options
from descend.optim.vocabulary import maximum, minimum

SMALLEST = 1e-38  # smallest divisor, for a learning rate of 0


def copy_parameter(parameter: Tensor, hyper: Mapping[str, Any]) -> Tensor:
    """Return a copy of the parameter, with which z begins."""
    return parameter.clone(memory_format=torch.preserve_format)


def schedule_free_adamw(
    theta, g, t, z=copy_parameter, v=0.0, weights=0.0, *, lr, beta1, beta2, eps, weight_decay, warmup_steps
):
    """Return the step of y and the new z, mean square v and sum of weights (Defazio et al. 2024, Algorithm 1).

    theta is y = (1 − β₁)·z + β₁·x, the point of the gradient; z and v have its shape. x is the average of all z with
    weights lr². It is not stored, because it follows from y and z.
    """
    lr = lr * minimum(t / maximum(warmup_steps, 1.0), 1.0)
    v = beta2 * v + (1 - beta2) * g**2
    v_hat = v / (1 - beta2**t)
    beta1_x = theta - (1 - beta1) * z
    z_step = -lr * (g / (v_hat**0.5 + eps) + weight_decay * theta)
    z = z + z_step
    weights = weights + lr**2
    c = lr**2 / maximum(weights, SMALLEST)  # x moves to (1 − c)·x + c·z
    return (1 - beta1) * z_step + c * (beta1 * z - beta1_x), z, v, weights


class ScheduleFreeAdamW(Optimizer):
    """Schedule-Free AdamW (Defazio et al. 2024): no schedule and no number of steps is needed, except for a warm-up.

    Use it if the number of steps is not known in advance.

    Call `optimizer.eval()` before the model is evaluated or saved: it sets the parameters to the average of the
    iterates. Call `optimizer.train()` before training continues; a new optimizer is in this mode. Normalisation layers
    with running statistics need these for the average, too: `descend.averaging.swapped_in` shows how.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    betas : tuple of float
        β₁, the weight of the average in the point at which gradients are computed, and the decay factor of the mean
        square.
    eps : float
        A small number that is added to the denominator.
    weight_decay : float
        The coefficient of decoupled weight decay, which is applied at that point.
    warmup_steps : int
        The number of steps in which the learning rate rises linearly.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = ScheduleFreeAdamW(model.parameters(), lr=2.5e-3, warmup_steps=100)
    >>> optimizer.eval()
    >>> error = loss(model)
    >>> optimizer.train()
    """

    rule = staticmethod(schedule_free_adamw)
    names = {"v": "exp_avg_sq", "weights": "weight_sum"}
    measured = {"train_mode": True}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2.5e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "warmup_steps": warmup_steps}
        super().__init__(params, lr=lr, **chosen, **options)

    def check_group(self, group: Mapping[str, Any]) -> None:
        """Raise `ValueError` for β₁ = 0, with which the average x does not follow from y and z."""
        if not group["betas"][0] > 0:
            raise ValueError(f"ScheduleFreeAdamW: the first of betas must be in (0, 1), not {group['betas'][0]}")

    @staticmethod
    def evaluation_weights(theta: Tensor, state: Mapping[str, Tensor], hyper: Mapping[str, Any]) -> Tensor:
        """Return the average x of the iterates, which follows from y and z: x = y + (1 − 1/β₁)·(z − y)."""
        return theta + (1 - 1 / hyper["beta1"]) * (state["z"] - theta)

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the identity function, because the rule includes weight decay at y, as in Algorithm 1."""
        return lambda rule: rule

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step, and return the closure's loss. Raises `RuntimeError` after `eval` without `train`."""
        if not all(group["train_mode"] for group in self.param_groups):
            raise RuntimeError("ScheduleFreeAdamW: call optimizer.train() before step, because eval() was called")
        return super().step(closure)

    @torch.no_grad()
    def eval(self) -> None:
        """Set the parameters to the average x of the iterates. Does nothing if `eval` was called already."""
        self._set_mode(is_training=False)

    @torch.no_grad()
    def train(self) -> None:
        """Set the parameters to y, the point of the gradient. Does nothing unless `eval` was called."""
        self._set_mode(is_training=True)

    def _set_mode(self, *, is_training: bool) -> None:
        """Set the parameters to y = x + (1 − β₁)·(z − x), or to the average x."""
        for group in self.param_groups:
            if group["train_mode"] is not is_training:
                hyper = self.rule_hyperparameters(group)
                for parameter in group["params"]:
                    if "z" in (state := self.state.get(parameter, {})):
                        if is_training:
                            parameter.lerp_(state["z"], 1 - hyper["beta1"])
                        else:
                            parameter.copy_(self.evaluation_weights(parameter, state, hyper))
                group["train_mode"] = is_training
