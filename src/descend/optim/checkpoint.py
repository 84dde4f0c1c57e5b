"""Conversion between the optimizer state in a checkpoint (torch's names and types) and the state that steps use."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def restore_parameter_state(
    saved: Mapping[str, Any],
    parameter: Tensor,
    numbers: Sequence[str],
    dtypes: Mapping[str, torch.dtype],
    on_device: bool,
) -> dict[str, Any]:
    """Convert one parameter's saved optimizer state to the types that steps use, copied to the parameter's device.

    State tensors keep their saved dtype, unless `dtypes` has a wider one for the state. `numbers` names the states that
    are one number per parameter; with `on_device`, numbers are stored on the parameter's device too.
    """
    own: dict[str, Any] = {}
    for name, value in {"step": 1.0, **saved}.items():
        if name == "step" or name in numbers:
            own[name] = to_number_tensor(name, float(value), parameter.device if on_device else None)
        elif isinstance(value, Tensor):
            dtype = torch.promote_types(value.dtype, dtypes.get(name, value.dtype))
            own[name] = value.detach().to(parameter.device, dtype, copy=True)
        else:
            own[name] = value
    return own


def drop_step_count(own: Any) -> Any:
    """Return one parameter's optimizer state without the step count."""
    return {name: value for name, value in own.items() if name != "step"} if isinstance(own, Mapping) else own


def to_number_tensor(name: str, value: float, device: torch.device | None) -> Tensor:
    """Convert a scalar optimizer state to a tensor of shape (), in float32 for the step count and float64 otherwise."""
    return torch.tensor(value, dtype=torch.float32 if name == "step" else torch.float64, device=device)


def check_state(
    rule: str, expected: Mapping[str, torch.Size], index: int | None, state: Mapping[str, Any], parameter: Tensor
) -> None:
    """Raise `ValueError` if the saved state of parameter `index` is from another optimizer, or has another shape.

    `expected` maps the names of the optimizer's states to their shapes.
    """
    own = {name: value for name, value in state.items() if name != "step"}
    if own and set(own) != set(expected):
        raise ValueError(
            f"the checkpoint was not saved by {rule}: it contains the states {', '.join(sorted(own))}, "
            f"not {', '.join(sorted(expected)) or 'none'}"
        )
    for name, value in own.items():
        if isinstance(value, Tensor) and value.dim() and value.shape != expected[name]:
            raise ValueError(
                f"the checkpoint was saved with a different model: {name} of parameter {index} has shape "
                f"{tuple(value.shape)}, but the parameter has shape {tuple(parameter.shape)}"
            )
