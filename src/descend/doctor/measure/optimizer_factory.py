"""A new optimizer of the script's class and settings for other parameters, without any optimizer state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

STAND_IN = 1e-3  # learning rate of Adam, if it is used because the script's optimizer cannot be recreated


@dataclass(frozen=True)
class OptimizerFactory:
    """Creates optimizers of the class `kind` with `settings` for each parameter; `name` describes the optimizer."""

    kind: Callable[[list[dict[str, Any]]], Optimizer]
    settings: tuple[Mapping[str, Any], ...]
    name: str = field(default="")

    def __call__(self, theta: list[Tensor]) -> Optimizer:
        """Return an optimizer without state for the parameters `theta`."""
        return self.kind([{**given, "params": [t]} for given, t in zip(self.settings, theta, strict=True)])


def optimizer_factory(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> OptimizerFactory:
    """Return a factory for the script's optimizer with its initial learning rate, or for Adam if that is impossible."""
    own = _factory_of_script_optimizer(optimizer, parameters)
    if own is not None:
        return own
    why = "the script steps by hand" if optimizer is None else f"{type(optimizer).__name__} cannot be recreated"
    settings = tuple({"lr": STAND_IN} for _ in parameters)
    return OptimizerFactory(torch.optim.Adam, settings, f"Adam with learning rate {STAND_IN:g}, because {why}")


def _factory_of_script_optimizer(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> OptimizerFactory | None:
    """Return a factory for the script's optimizer; None if it cannot be recreated."""
    if optimizer is None or isinstance(optimizer, torch.optim.LBFGS):
        return None
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    if not all(id(p) in groups for p in parameters):
        return None
    settings = tuple(_initial_settings(groups[id(p)]) for p in parameters)
    rates = dict.fromkeys(float(given["lr"]) for given in settings if "lr" in given)
    named = f"{type(optimizer).__name__} with learning rate {', '.join(f'{rate:g}' for rate in rates)}"
    kind: Any = type(optimizer)
    rule = OptimizerFactory(kind, settings, named)
    return rule if _is_usable(rule, parameters) else None


def _initial_settings(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a parameter group, with the initial learning rate of its schedule."""
    kept = {name: value for name, value in group.items() if name not in ("params", "initial_lr")}
    rate = group.get("initial_lr", group.get("lr"))
    return kept if rate is None else {**kept, "lr": rate}


def _is_usable(rule: OptimizerFactory, parameters: Sequence[Tensor]) -> bool:
    """Return whether the factory can create an optimizer that takes a step without a closure."""
    copies = [p.detach().clone().requires_grad_() for p in parameters]
    for copy in copies:
        copy.grad = torch.zeros_like(copy)
    try:
        rule(copies).step()
    except Exception:  # The script's optimizer class may raise any exception.
        return False
    return True
