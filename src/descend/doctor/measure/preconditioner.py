"""The diagonal preconditioner of an adaptive optimizer, read from its state.

With it, the optimizer is gradient descent on P^½-scaled parameters, so λmax(P⁻¹H) takes the role of λmax(H) (Cohen et
al. 2022, "Adaptive Gradient Methods at the Edge of Stability").
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# RAdam adapts its steps if ρ_t is above this value (Liu et al. 2020, Algorithm 2; the value is torch's).
FIRST_RECTIFIED = 5.0


def preconditioner(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> list[Tensor] | None:
    """Return the diagonal preconditioner for each parameter; None for an optimizer without one or without a step."""
    if optimizer is None:
        return None
    groups = _groups_by_parameter(optimizer)
    rectified = isinstance(optimizer, torch.optim.RAdam)
    found = []
    for parameter in parameters:
        state = optimizer.state.get(parameter) or {}
        scale = _diagonal(state, groups.get(id(parameter), {}), rectified) if _has_stepped(state) else None
        if scale is None or scale.shape != parameter.shape:
            return None
        found.append(scale.detach())
    return found or None


def relative_rates(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> list[float] | None:
    """Return each parameter's learning rate relative to the first group's; None if all are equal."""
    if optimizer is None:
        return None
    first = float(optimizer.param_groups[0].get("lr", 0.0))
    groups = _groups_by_parameter(optimizer)
    rates = [float(groups.get(id(p), {}).get("lr", first)) for p in parameters]
    if first <= 0 or all(rate == first for rate in rates):
        return None
    return [rate / first for rate in rates]


def divide_by_rates(
    optimizer: Optimizer | None, parameters: Sequence[Tensor], scale: list[Tensor] | None
) -> list[Tensor] | None:
    """Return the preconditioner divided by relative learning rates, so that the first group's rate holds for all."""
    rates = relative_rates(optimizer, parameters)
    if rates is None:
        return scale
    plain = [torch.ones_like(p, dtype=torch.float32) for p in parameters] if scale is None else scale
    return [p / rate if rate > 0 else torch.full_like(p, float("inf")) for p, rate in zip(plain, rates)]


def _groups_by_parameter(optimizer: Optimizer) -> dict[int, dict[str, Any]]:
    """Return the parameter group of each parameter, by the parameter's id."""
    return {id(p): group for group in optimizer.param_groups for p in group["params"]}


def _has_stepped(state: dict[str, Any]) -> bool:
    """Return whether an optimizer state comes from a step; Adagrad creates its state before the first step."""
    return bool(state) and float(state.get("step", 1)) > 0


def _diagonal(state: dict[str, Any], group: dict[str, Any], rectified: bool) -> Tensor | None:
    """Return the preconditioner's diagonal from a parameter's optimizer state; None for an unknown kind of state."""
    eps = group.get("eps", 1e-8)
    if "exp_avg_sq" in state:  # Adam and its variants, with bias correction (Kingma & Ba 2015, Algorithm 1)
        square = state.get("max_exp_avg_sq", state["exp_avg_sq"])
        beta2, t = float(group.get("betas", (0.9, 0.999))[1]), float(state.get("step", 1))
        if rectified:
            return _rectified_diagonal(square, beta2, t, eps)
        return (square / (1 - beta2**t)).sqrt() + eps
    if "exp_inf" in state:  # AdaMax, for which torch includes ε in the running maximum
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


def _rectified_diagonal(square: Tensor, beta2: float, t: float, eps: float) -> Tensor:
    """Return RAdam's preconditioner: 1 in the first steps, later Adam's divided by the rectification term r_t."""
    most = 2 / (1 - beta2) - 1
    rho = most - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= FIRST_RECTIFIED:
        return torch.ones_like(square)
    r = ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) ** 0.5
    return (square.sqrt() + eps) / ((1 - beta2**t) ** 0.5 * r)
