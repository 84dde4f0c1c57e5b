"""What is folded around a rule: climbing instead of descending, and the two ways of weight decay."""

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

Function = Callable[..., tuple[Any, ...]]


@cache
def climbing(rule: Function) -> Function:
    """Return the rule that goes uphill (`maximize=True`): it is given −g."""

    @wraps(rule)
    def climb(theta: Any, g: Any, t: Any, *state: Any, **hyper: Any) -> tuple[Any, ...]:
        return rule(theta, -g, t, *state, **hyper)

    return climb


@cache
def coupled_decay(rule: Function) -> Function:
    """Return the rule on the cost plus ½·weight_decay·θ²: its gradient is added to g (L2 regularisation)."""

    @wraps(rule)
    def decay(theta: Any, g: Any, t: Any, *state: Any, weight_decay: Any, **hyper: Any) -> tuple[Any, ...]:
        return rule(theta, g + weight_decay * theta, t, *state, **hyper)

    return _with_keyword(decay, rule, "weight_decay")


@cache
def decoupled_decay(rule: Function) -> Function:
    """Return the rule with θ shrunk by lr·weight_decay beside its step (Loshchilov & Hutter 2019, Algorithm 2)."""

    @wraps(rule)
    def decay(theta: Any, g: Any, t: Any, *state: Any, lr: Any, weight_decay: Any, **hyper: Any) -> tuple[Any, ...]:
        kept = theta * (1 - lr * weight_decay)
        step, *held = rule(kept, g, t, *state, lr=lr, **hyper)
        return step + (kept - theta), *held

    return _with_keyword(decay, rule, "weight_decay")


def _with_keyword(function: Function, rule: Function, name: str) -> Function:
    signature = inspect.signature(rule)
    added = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
    function.__signature__ = signature.replace(parameters=[*signature.parameters.values(), added])  # type: ignore[attr-defined]
    return function
