"""What an optimizer's checkpoint holds: torch's names and types there, what a step needs here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def as_held(saved: Mapping[str, Any], parameter: Tensor, numbers: Sequence[str], on_device: bool) -> dict[str, Any]:
    """Return one parameter's state as its steps need it; a state keeps the type that it was saved in."""
    held: dict[str, Any] = {}
    for name, value in {"step": 1.0, **saved}.items():
        if name == "step" or name in numbers:
            held[name] = number(name, float(value), parameter.device if on_device else None)
        else:
            held[name] = value.detach().to(parameter.device, copy=True) if isinstance(value, Tensor) else value
    return held


def without_step(held: Any) -> Any:
    """Return one parameter's state without its count of steps; what a hook has put among the state stays."""
    return {name: value for name, value in held.items() if name != "step"} if isinstance(held, Mapping) else held


def number(name: str, value: float, device: torch.device | None) -> Tensor:
    """Return the tensor in which a number is kept: torch's type for a step, exact for the state of a rule."""
    return torch.tensor(value, dtype=torch.float32 if name == "step" else torch.float64, device=device)


def check_state(
    rule: str, expected: Sequence[str], places: Iterable[tuple[int, Tensor]], state: Mapping[int, Mapping[str, Any]]
) -> None:
    """Raise `ValueError` for the state of another rule, or of parameters of another shape."""
    for index, parameter in places:
        held = {name: value for name, value in (state.get(index) or {}).items() if name != "step"}
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
