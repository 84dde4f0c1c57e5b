"""The diagonal that an adaptive rule divides the gradient by, read from its state.

With it the rule is gradient descent on P^-½-scaled parameters, so λmax(P⁻¹H) plays the part of λmax(H)
(Cohen et al. 2022, "Adaptive Gradient Methods at the Edge of Stability").
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

FIRST_RECTIFIED = 5.0  # ρ_t above which RAdam's rule adapts (Liu et al. 2020, Algorithm 2, as torch sets it)


def preconditioner(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> list[Tensor] | None:
    """Return P for each parameter, or None for a rule that does not rescale or has not stepped yet."""
    if optimizer is None:
        return None
    groups = _groups(optimizer)
    rectified = isinstance(optimizer, torch.optim.RAdam)
    found = []
    for parameter in parameters:
        state = optimizer.state.get(parameter) or {}
        scale = _scale(state, groups.get(id(parameter), {}), rectified) if _has_stepped(state) else None
        if scale is None or scale.shape != parameter.shape:
            return None
        found.append(scale.detach())
    return found or None


def relative_rates(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> list[float] | None:
    """Return each parameter's learning rate as a multiple of the first group's; None where all are the same."""
    if optimizer is None:
        return None
    first = float(optimizer.param_groups[0].get("lr", 0.0))
    groups = _groups(optimizer)
    rates = [float(groups.get(id(p), {}).get("lr", first)) for p in parameters]
    if first <= 0 or all(rate == first for rate in rates):
        return None
    return [rate / first for rate in rates]


def with_rates(
    optimizer: Optimizer | None, parameters: Sequence[Tensor], scale: list[Tensor] | None
) -> list[Tensor] | None:
    """Return P with each group's rate in it: P over the rate, as a multiple of the first group's."""
    rates = relative_rates(optimizer, parameters)
    if rates is None:
        return scale
    plain = [torch.ones_like(p, dtype=torch.float32) for p in parameters] if scale is None else scale
    return [p / rate if rate > 0 else torch.full_like(p, float("inf")) for p, rate in zip(plain, rates)]


def _groups(optimizer: Optimizer) -> dict[int, dict[str, Any]]:
    return {id(p): group for group in optimizer.param_groups for p in group["params"]}


def _has_stepped(state: dict[str, Any]) -> bool:
    # Adagrad makes its state at once: a sum of zero would pass for an infinite step.
    return bool(state) and float(state.get("step", 1)) > 0


def _scale(state: dict[str, Any], group: dict[str, Any], rectified: bool) -> Tensor | None:
    eps = group.get("eps", 1e-8)
    if "exp_avg_sq" in state:  # Adam and its kin; bias-corrected (Kingma & Ba 2015, Algorithm 1)
        square = state.get("max_exp_avg_sq", state["exp_avg_sq"])
        beta2, t = float(group.get("betas", (0.9, 0.999))[1]), float(state.get("step", 1))
        if rectified:
            return _rectified(square, beta2, t, eps)
        return (square / (1 - beta2**t)).sqrt() + eps
    if "exp_inf" in state:  # AdaMax; torch has ε in the running maximum already
        return state["exp_inf"]
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


def _rectified(square: Tensor, beta2: float, t: float, eps: float) -> Tensor:
    """Return RAdam's P: none while the variance cannot be told, then Adam's over the rectification r_t."""
    most = 2 / (1 - beta2) - 1
    rho = most - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= FIRST_RECTIFIED:
        return torch.ones_like(square)
    r = ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) ** 0.5
    return (square.sqrt() + eps) / ((1 - beta2**t) ** 0.5 * r)
