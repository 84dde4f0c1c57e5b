"""How the parts are connected, seen in the first steps: gradients carried over, parameters held by nobody, modes."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.probes.snapshot import Measurement
from descend.doctor.record import Fact, facts

LISTED = 20
IMPLEMENTATION = frozenset("lr foreach fused capturable differentiable".split())  # no part of what a rule does


def wiring(
    key: str,
    step: int,
    gradients: tuple[bool, bool],
    left_out: tuple[Sequence[str], Sequence[str]],
    idle_switches: Sequence[str],
    learning: tuple[bool, int, int] | None,
) -> Measurement:
    """Yield the fact `wiring` of one step.

    gradients: whether any backward pass that fed the step began with clear ones, and whether they had been cleared
    when the step began. left_out: parameters of the model that no optimizer holds, and weights in use that this one
    holds and no gradient has reached. idle_switches: dropout and normalisation modules in evaluation mode. learning:
    whether a backward pass was made for it, how many of the optimizer's parameters got a gradient and how many it has.
    """
    (cleared, wiped), (unheld, unreached) = gradients, left_out
    is_fed, with_gradient, held = learning or (True, None, None)
    found = facts.Wiring(
        gradients_cleared=cleared,
        gradients_wiped=wiped,
        unheld=tuple(unheld[:LISTED]),
        unheld_count=len(unheld),
        unreached=tuple(unreached[:LISTED]),
        evaluation_mode=tuple(idle_switches[:LISTED]),
        is_fed=is_fed,
        with_gradient=with_gradient,
        held=held,
    )
    yield Fact.of(found, step, key)


def carries_gradient(parameters: Iterable[Tensor]) -> bool:
    """Whether any of the parameters has a gradient that is not zero."""
    return any(p.grad is not None and bool(_values(p.grad).count_nonzero()) for p in parameters)


def gradients_held(optimizer: Optimizer) -> tuple[int, int]:
    """Return how many of the optimizer's parameters have a gradient, and how many there are."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return sum(p.grad is not None for p in parameters), len(parameters)


def _values(grad: Tensor) -> Tensor:
    return grad.coalesce().values() if grad.is_sparse else grad


def unusual_arguments(optimizer: Optimizer) -> dict[str, Any]:
    """Return the arguments of a rule that are not its own defaults, other than the rate, with those defaults."""
    group, found = optimizer.param_groups[0], {}
    for name, parameter in inspect.signature(type(optimizer)).parameters.items():
        usual, now = parameter.default, group.get(name)
        is_number = isinstance(usual, int | float | tuple) and isinstance(now, int | float | tuple | list)
        if name not in IMPLEMENTATION and is_number and _parts(now) != _parts(usual):
            found[name] = usual
    return found


def _parts(value: Any) -> list[Any]:
    """Return the numbers of a hyper-parameter, be it one or several; a part may be None (Adafactor's eps)."""
    several = value if isinstance(value, tuple | list) else (value,)
    return [float(part) if isinstance(part, int | float) else part for part in several]


def describe_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """Return the rule's name and its plain hyper-parameters (of the first group)."""
    group = optimizer.param_groups[0]
    detail: dict[str, Any] = {"class": type(optimizer).__name__, "groups": len(optimizer.param_groups)}
    for name, value in group.items():
        value = float(value) if isinstance(value, Tensor) and value.numel() == 1 else value
        if isinstance(value, bool | int | float | str) or value is None:
            detail[name] = value
        elif (
            isinstance(value, tuple | list)
            and all(isinstance(v, int | float | torch.Tensor) for v in value)
            and name != "params"
        ):
            detail[name] = [float(v) for v in value]
    detail["unusual"] = unusual_arguments(optimizer)
    rates = [rate for g in optimizer.param_groups if isinstance(rate := g.get("lr"), int | float)]
    if len(rates) > 1:
        detail["rates"] = rates
    held = [p for g in optimizer.param_groups for p in g["params"]]
    detail["parameters"] = sum(p.numel() for p in held)
    detail["empty_groups"] = sum(not group["params"] for group in optimizer.param_groups)
    known = [torch.finfo(dtype) for dtype in {p.dtype for p in held} if dtype.is_floating_point]
    detail["smallest_subnormal"] = max((info.tiny * info.eps for info in known), default=0.0)
    return detail
