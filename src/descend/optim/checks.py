"""What an optimizer is asked before anything moves: one clear error that names the argument and its value."""

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

AT_LEAST_ZERO = (
    *("lr", "eps", "eps_inside", "weight_decay", "alpha", "lr_decay", "initial_accumulator_value", "momentum_decay"),
    *("growth", "shrinkage", "trust", "damping", "base", "f"),
)
PAIRS = ("betas", "etas", "step_sizes")
BELOW_ONE = ("betas", "beta", "rho", "decay")  # weights of the past in a mean: at 1 it would never take in anything
AT_MOST_ONE = ("momentum",)  # at 1 there is no friction: the steps never settle down (Ba, CSC413 lecture 4, Momentum)


def check(name: str, group: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a hyper-parameter out of its range, `TypeError` for one that is no number."""
    for key in PAIRS:
        if key in group and not (isinstance(group[key], tuple | list) and len(group[key]) == 2):
            raise TypeError(f"{name}: {key} must be two numbers, not {group[key]!r}")
    for key in AT_LEAST_ZERO:
        value = group.get(key)
        if value is None:
            continue
        if isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError(f"{name}: {key} must be one number, not a tensor of {value.numel()}")
        if not isinstance(value, Real | Tensor):
            raise TypeError(f"{name}: {key} must be a number, not {value!r}")
        if not 0 <= float(value) < math.inf:
            raise ValueError(f"{name}: {key} must be a finite number of at least 0, not {value}")
    _check_shares(name, group)


def _check_shares(name: str, group: Mapping[str, Any]) -> None:
    for key in (*BELOW_ONE, *AT_MOST_ONE):
        if group.get(key) is None:
            continue
        values = group[key] if isinstance(group[key], tuple | list) else (group[key],)
        if not all(0 <= value < 1 or (value == 1 and key in AT_MOST_ONE) for value in values):
            end = "]" if key in AT_MOST_ONE else ")"
            raise ValueError(f"{name}: {key} must lie in [0, 1{end}, not {group[key]}")


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
