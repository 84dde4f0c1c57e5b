"""The diagonal that an adaptive rule divides the gradient by, read from its state.

With it the rule is gradient descent on P^-½-scaled parameters, so λmax(P⁻¹H) plays the part of λmax(H)
(Cohen et al. 2022, "Adaptive Gradient Methods at the Edge of Stability").
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def preconditioner(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> list[Tensor] | None:
    """Return P for each parameter, or None for a rule that does not rescale or has not stepped yet."""
    if optimizer is None:
        return None
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    found = []
    for parameter in parameters:
        state = optimizer.state.get(parameter)
        scale = _scale(state, groups.get(id(parameter), {})) if state else None
        if scale is None or scale.shape != parameter.shape:
            return None
        found.append(scale.detach())
    return found or None


def _scale(state: dict[str, Any], group: dict[str, Any]) -> Tensor | None:
    eps = group.get("eps", 1e-8)
    if "exp_avg_sq" in state:  # Adam and its kin; bias-corrected (Kingma & Ba 2015, Algorithm 1)
        square = state.get("max_exp_avg_sq", state["exp_avg_sq"])
        beta2 = float(group.get("betas", (0.9, 0.999))[1])
        return (square / (1 - beta2 ** float(state.get("step", 1)))).sqrt() + eps
    if "exp_inf" in state:  # AdaMax
        return state["exp_inf"] + eps
    if "acc_delta" in state:  # Adadelta (Zeiler 2012, Algorithm 1)
        return ((state["square_avg"] + eps) / (state["acc_delta"] + eps)).sqrt()
    if "square_avg" in state:  # RMSprop
        square = state["square_avg"]
        if "grad_avg" in state:
            square = square - state["grad_avg"].square()
        return square.clamp_min(0).sqrt() + eps
    if "sum" in state:  # Adagrad
        return state["sum"].sqrt() + eps
    return None


def is_adaptive(optimizer: Optimizer | None) -> bool:
    """Whether the rule keeps a per-parameter scale, once it has stepped."""
    if optimizer is None:
        return False
    scales = {"exp_avg_sq", "exp_inf", "square_avg", "sum"}
    return any(scales & set(s) for s in optimizer.state.values() if isinstance(s, dict) and torch.is_tensor(next(iter(s.values()), None)))
