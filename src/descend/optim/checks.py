"""Checks of hyper-parameters and gradients before the first update; errors name the argument and its value."""

import sys
from collections.abc import Container, Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

AT_LEAST_ZERO = (
    *("lr", "eps", "eps_inside", "weight_decay", "alpha", "lr_decay", "initial_accumulator_value", "momentum_decay"),
    *("growth", "shrinkage", "trust", "damping", "base", "f", "gamma", "adamw_eps", "warmup_steps"),
)
AT_MOST_ZERO = ("beta2_decay",)  # with a positive exponent, Adafactor's decay factor 1 − t^beta2_decay is negative
COUNTS = ("ns_steps", "precondition_frequency", "max_precond_dim")
CHOICES: dict[str, tuple[Any, ...]] = {
    "adjust_lr_fn": (None, "original", "match_rms_adamw"),
    **dict.fromkeys(("factored", "use_muon", "use_soap"), (None, False, True)),
}
BELOW_ONE = (
    "betas",
    "adamw_betas",
    "beta",
    "rho",
    "decay",
)  # decay factors of running means: with a factor of 1, new values have no weight
AT_MOST_ONE = ("momentum",)  # with a momentum of 1, steps never converge (Ba, CSC413 lecture 4, Momentum)
LARGEST = sys.float_info.max
RANGES = (  # names, least and largest value, and the range in words
    (AT_LEAST_ZERO, 0.0, LARGEST, "of at least 0"),
    (AT_MOST_ZERO, -LARGEST, 0.0, "of at most 0"),
)


def check_hyperparameters(name: str, group: Mapping[str, Any], pairs: Container[str] = ()) -> None:
    """Raise `ValueError` for a hyper-parameter out of range, and `TypeError` for one that is not a number.

    `pairs` contains the names of the hyper-parameters that are two numbers.
    """
    for key, value in group.items():
        if key in pairs and not (isinstance(value, tuple | list) and len(value) == 2):
            raise TypeError(f"{name}: {key} must be two numbers, not {value!r}")
        if key in CHOICES and value not in CHOICES[key]:
            raise ValueError(f"{name}: {key} must be one of {', '.join(map(str, CHOICES[key]))}, not {value!r}")
        if key in COUNTS and not (type(value) is int and value >= 1):
            raise ValueError(f"{name}: {key} must be an integer of at least 1, not {value!r}")
    for keys, least, most, range_ in RANGES:
        for key in keys:
            for value in group[key] if key in pairs and key in group else (group.get(key),):
                if value is not None:
                    _check_number(name, key, value)
                    if not least <= float(value) <= most:
                        raise ValueError(f"{name}: {key} must be a finite number {range_}, not {value}")
    _check_decay_factors(name, group)


def _check_number(name: str, key: str, value: Any) -> None:
    """Raise `TypeError` for a hyper-parameter that is not a number, and `ValueError` for a tensor of several."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"{name}: {key} must be one number, not a tensor of {value.numel()} numbers")
    if not isinstance(value, Real | Tensor):
        raise TypeError(f"{name}: {key} must be a number, not {value!r}")


def _check_decay_factors(name: str, group: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a decay factor outside [0, 1), or a momentum outside [0, 1]."""
    for key in (*BELOW_ONE, *AT_MOST_ONE):
        if group.get(key) is None:
            continue
        values = group[key] if isinstance(group[key], tuple | list) else (group[key],)
        if not all(0 <= value < 1 or (value == 1 and key in AT_MOST_ONE) for value in values):
            end = "]" if key in AT_MOST_ONE else ")"
            raise ValueError(f"{name}: {key} must be in [0, 1{end}, not {group[key]}")


def check_gradient(name: str, parameter: Tensor, is_elementwise: bool) -> None:
    """Raise `RuntimeError` for a gradient that is on a different device, or sparse where that is not supported."""
    gradient = parameter.grad
    assert gradient is not None
    if gradient.device != parameter.device:
        raise RuntimeError(f"{name}: a parameter is on {parameter.device}, but its gradient is on {gradient.device}")
    if gradient.layout is torch.sparse_coo:
        if parameter.is_complex():
            raise RuntimeError(f"{name}: a complex parameter has a sparse gradient, which is not supported")
        if not is_elementwise:
            raise RuntimeError(f"{name} does not support sparse gradients, because its steps depend on whole tensors")


def has_finite_gradient(parameter: Tensor) -> bool:
    """Return whether a parameter has a gradient with only finite elements, or no gradient."""
    gradient = parameter.grad
    if gradient is None:
        return True
    return bool((gradient.coalesce().values() if gradient.is_sparse else gradient).isfinite().all())
