"""The rule of the script's optimizer for other parameters: its kind and its settings, and none of its memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

STAND_IN = 1e-3  # Adam's learning rate where the script's own rule cannot be used


@dataclass(frozen=True)
class FreshRule:
    """What makes an optimizer of some parameters: `name` says which, `settings` those of each parameter's group."""

    kind: Callable[[list[dict[str, Any]]], Optimizer]
    settings: tuple[Mapping[str, Any], ...]
    name: str = field(default="")

    def __call__(self, theta: list[Tensor]) -> Optimizer:
        """Return an optimizer that has taken no step."""
        return self.kind([{**given, "params": [t]} for given, t in zip(self.settings, theta, strict=True)])


def fresh_rule(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> FreshRule:
    """Return the rule of an optimizer, at the rate that its schedule began from; Adam where it cannot be had."""
    own = _own(optimizer, parameters)
    if own is not None:
        return own
    why = "the script steps by hand" if optimizer is None else f"{type(optimizer).__name__} cannot be used for it"
    settings = tuple({"lr": STAND_IN} for _ in parameters)
    return FreshRule(torch.optim.Adam, settings, f"Adam with learning rate {STAND_IN:g}, since {why}")


def _own(optimizer: Optimizer | None, parameters: Sequence[Tensor]) -> FreshRule | None:
    if optimizer is None or isinstance(optimizer, torch.optim.LBFGS):
        return None
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    if not all(id(p) in groups for p in parameters):
        return None
    settings = tuple(_settings(groups[id(p)]) for p in parameters)
    rates = dict.fromkeys(float(given["lr"]) for given in settings if "lr" in given)
    named = f"{type(optimizer).__name__} with learning rate {', '.join(f'{rate:g}' for rate in rates)}"
    kind: Any = type(optimizer)
    rule = FreshRule(kind, settings, named)
    return rule if _is_usable(rule, parameters) else None


def _settings(group: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in group.items() if name not in ("params", "initial_lr")}
    rate = group.get("initial_lr", group.get("lr"))
    return kept if rate is None else {**kept, "lr": rate}


def _is_usable(rule: FreshRule, parameters: Sequence[Tensor]) -> bool:
    """Whether it can be made anew and steps without being given a closure."""
    copies = [p.detach().clone().requires_grad_() for p in parameters]
    for copy in copies:
        copy.grad = torch.zeros_like(copy)
    try:
        rule(copies).step()
    except Exception:  # of whatever class the script's optimizer is
        return False
    return True
