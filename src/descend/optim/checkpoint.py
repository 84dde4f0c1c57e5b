"""What an optimizer's checkpoint holds: torch's names and types there, what a step needs here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def as_saved(held: Mapping[str, Any], with_step: bool) -> dict[str, Any]:
    """Return one parameter's state as torch saves it: numbers are tensors, and whether its steps are counted."""
    kept = {name: value for name, value in held.items() if name != "step" or with_step}
    return {
        name: value if isinstance(value, Tensor) else torch.tensor(float(value), dtype=_width(name))
        for name, value in kept.items()
    }


def as_held(saved: Mapping[str, Any], parameter: Tensor, numbers: Sequence[str], on_device: bool) -> dict[str, Any]:
    """Return one parameter's state as its steps need it; a state keeps the type that it was saved in."""
    held: dict[str, Any] = {}
    for name, value in {"step": 1, **saved}.items():
        if name != "step" and name not in numbers:
            held[name] = value.detach().to(parameter.device, copy=True) if isinstance(value, Tensor) else value
        elif on_device:
            held[name] = torch.as_tensor(float(value), device=parameter.device)
        else:
            held[name] = int(value) if name == "step" else float(value)
    return held


def check_state(
    rule: str, expected: Sequence[str], places: Iterable[tuple[int, Tensor]], state: Mapping[int, Mapping[str, Any]]
) -> None:
    """Raise `ValueError` for the state of another rule, or of parameters of another shape."""
    for index, parameter in places:
        held = {name: value for name, value in state.get(index, {}).items() if name != "step"}
        if held and set(held) != set(expected):
            raise ValueError(
                f"the checkpoint is not one of {rule}: its state is {', '.join(sorted(held))}, "
                f"not {', '.join(sorted(expected)) or 'empty'}"
            )
        for name, value in held.items():
            if isinstance(value, Tensor) and value.dim() and value.shape != parameter.shape:
                shapes = f"{tuple(value.shape)}, and its parameter {tuple(parameter.shape)}"
                raise ValueError(
                    f"the checkpoint is of another model: parameter {index}'s {name} has the shape {shapes}"
                )


def _width(name: str) -> torch.dtype:
    return torch.float32 if name == "step" else torch.float64
