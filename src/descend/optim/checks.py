"""What an optimizer is asked before anything moves: one clear error that names the argument and its value."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

AT_LEAST_ZERO = ("lr", "eps", "weight_decay")
BELOW_ONE = ("betas", "momentum", "rho", "alpha")


def check(name: str, group: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a hyper-parameter out of its range."""
    for key in AT_LEAST_ZERO:
        if group.get(key) is not None and not (math.isfinite(float(group[key])) and group[key] >= 0):
            raise ValueError(f"{name}: {key} must be a finite number of at least 0, not {group[key]}")
    for key in BELOW_ONE:
        if group.get(key) is None:
            continue
        values = group[key] if isinstance(group[key], tuple | list) else (group[key],)
        if not all(0 <= value < 1 for value in values):
            raise ValueError(f"{name}: {key} must lie in [0, 1), not {group[key]}")
    if group.get("differentiable"):
        raise ValueError(f"{name}: differentiable=True is not supported: call the rule's function on tensors instead")


def check_gradient(name: str, parameter: Tensor, is_elementwise: bool) -> None:
    """Raise `RuntimeError` for a gradient that this parameter cannot be stepped by."""
    gradient = parameter.grad
    assert gradient is not None
    if gradient.device != parameter.device:
        raise RuntimeError(f"{name}: a parameter on {parameter.device} has its gradient on {gradient.device}")
    if gradient.layout is torch.sparse_coo:
        if parameter.is_complex():
            raise RuntimeError(f"{name}: a complex parameter has a sparse gradient")
        if not is_elementwise:
            raise RuntimeError(f"{name} takes the norm of whole tensors: it cannot step by a sparse gradient")
