"""How model, optimizer and backward passes are connected: gradients not cleared, parameters not held, module modes."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.measure.snapshot import Measurement
from descend.doctor.record import Fact, facts

LISTED = 20
# optimizer arguments that are not compared: the learning rate, and those that do not change the update rule
IMPLEMENTATION = frozenset("lr foreach fused capturable differentiable".split())


def wiring(
    key: str,
    step: int,
    gradients: tuple[bool, bool, int],
    left_out: tuple[Sequence[str], Sequence[str], Sequence[str], bool],
    idle_switches: Sequence[str],
    learning: tuple[bool, int, int] | None,
) -> Measurement:
    """Yield a fact that describes how the model, the optimizer and the backward passes were connected in one step.

    Parameters
    ----------
    gradients
        Whether a backward pass of the step began with cleared gradients, whether gradients were clear at the step, and
        of how many backward passes the gradients were cleared by the next one.
    left_out
        Names of model parameters that no optimizer holds, of used weights that this one holds without a gradient, and
        of parameters that were replaced after this one was created. The last value is whether the script itself has
        changed the parameters without an optimizer.
    idle_switches
        Names of dropout and normalisation modules in evaluation mode.
    learning
        Whether the step had a backward pass, and how many of the optimizer's parameters have a gradient and exist.
    """
    (cleared, wiped, lost), (unheld, unreached, replaced, is_rewritten) = gradients, left_out
    is_fed, with_gradient, held = learning or (True, None, None)
    found = facts.Wiring(
        gradients_cleared=cleared,
        gradients_wiped=wiped,
        rewritten=is_rewritten,
        lost=lost,
        unheld=tuple(unheld[:LISTED]),
        unheld_count=len(unheld),
        unreached=tuple(unreached[:LISTED]),
        evaluation_mode=tuple(idle_switches[:LISTED]),
        is_fed=is_fed,
        with_gradient=with_gradient,
        held=held,
        replaced=tuple(replaced[:LISTED]),
    )
    yield Fact.of(found, step, key)


def carries_gradient(parameters: Iterable[Tensor]) -> bool:
    """Return whether any parameter has a non-zero gradient."""
    return any(p.grad is not None and bool(_values(p.grad).count_nonzero()) for p in parameters)


def gradients_held(optimizer: Optimizer) -> tuple[int, int]:
    """Return how many of the optimizer's parameters have a gradient, and how many parameters the optimizer has."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return sum(p.grad is not None for p in parameters), len(parameters)


def _values(grad: Tensor) -> Tensor:
    """Return the entries of a dense gradient, or the stored entries of a sparse one."""
    return grad.coalesce().values() if grad.is_sparse else grad


def unusual_arguments(optimizer: Optimizer) -> dict[str, Any]:
    """Return the defaults of those optimizer arguments whose values differ from the defaults, except for `lr`."""
    group, found = optimizer.param_groups[0], {}
    for name, parameter in inspect.signature(type(optimizer)).parameters.items():
        usual, now = parameter.default, group.get(name)
        is_number = isinstance(usual, int | float | tuple) and isinstance(now, int | float | tuple | list)
        if name not in IMPLEMENTATION and is_number and _as_list(now) != _as_list(usual):
            found[name] = usual
    return found


def _as_list(value: Any) -> list[Any]:
    """Return a hyper-parameter's numbers as a list. An element may be None, as in Adafactor's eps."""
    several = value if isinstance(value, tuple | list) else (value,)
    return [float(part) if isinstance(part, int | float) else part for part in several]


def describe_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    """Return the optimizer's class name, the hyper-parameters of its first group, and its number of parameters."""
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
