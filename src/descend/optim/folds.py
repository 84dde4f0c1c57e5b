"""What is folded around a rule: climbing, the two ways of weight decay, momentum, trust ratios, clipping."""

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from descend.optim.vocabulary import maximum, minimum, norm, where

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

    return with_signature(decay, rule, "weight_decay")


@cache
def decoupled_decay(rule: Function) -> Function:
    """Return the rule with θ shrunk by lr·weight_decay beside its step (Loshchilov & Hutter 2019, Algorithm 2)."""

    @wraps(rule)
    def decay(theta: Any, g: Any, t: Any, *state: Any, lr: Any, weight_decay: Any, **hyper: Any) -> tuple[Any, ...]:
        kept = theta * (1 - lr * weight_decay)
        step, *held = rule(kept, g, t, *state, lr=lr, **hyper)
        return step + (kept - theta), *held

    return with_signature(decay, rule, "weight_decay")


@cache
def with_momentum(rule: Function) -> Function:
    """Return the rule with its steps accumulated: b = momentum·b + u, where −lr·u is the step the rule would take."""

    @wraps(rule)
    def accumulate(theta: Any, g: Any, t: Any, b: Any = 0.0, *state: Any, lr: Any, momentum: Any, **hyper: Any) -> Any:
        step, *held = rule(theta, g, t, *state, lr=1.0, **hyper)
        b = momentum * b - step
        return -lr * b, b, *held

    return with_signature(accumulate, rule, "momentum", state="b")


@cache
def trust_ratio(rule: Function) -> Function:
    """Return the rule with each tensor's step made lr·‖θ‖ long (You et al. 2020, Algorithm 1, φ the identity)."""

    @wraps(rule)
    def trust(theta: Any, g: Any, t: Any, *state: Any, lr: Any, **hyper: Any) -> tuple[Any, ...]:
        u, *held = rule(theta, g, t, *state, lr=1.0, **hyper)
        size, length = norm(theta), norm(u)
        ratio = where(size > 0, where(length > 0, size / length, 1.0), 1.0)
        return lr * ratio * u, *held

    return with_signature(trust, rule)


@cache
def layer_rate(rule: Function) -> Function:
    """Return the rule on gradients scaled to trust·‖θ‖, weight decay within (You, Gitman & Ginsburg 2017)."""

    @wraps(rule)
    def scale(
        theta: Any, g: Any, t: Any, *state: Any, trust: Any, weight_decay: Any, eps: Any, **hyper: Any
    ) -> tuple[Any, ...]:
        size, slope = norm(theta), norm(g)
        local = trust * size / (slope + weight_decay * size + eps)
        local = where(size > 0, where(slope > 0, local, 1.0), 1.0)
        return rule(theta, local * (g + weight_decay * theta), t, *state, **hyper)

    return with_signature(scale, rule, "trust", "weight_decay", "eps")


@cache
def clipped_value(rule: Function) -> Function:
    """Return the rule on gradients whose every element is held within ±clip_value (Mikolov 2012)."""

    @wraps(rule)
    def clip(theta: Any, g: Any, t: Any, *state: Any, clip_value: Any, **hyper: Any) -> tuple[Any, ...]:
        return rule(theta, maximum(minimum(g, clip_value), -clip_value), t, *state, **hyper)

    return with_signature(clip, rule, "clip_value")


@cache
def clipped_norm(rule: Function) -> Function:
    """Return the rule on gradients whose norm, tensor by tensor, is at most clip_norm (Pascanu et al. 2013, Alg. 1)."""

    @wraps(rule)
    def clip(theta: Any, g: Any, t: Any, *state: Any, clip_norm: Any, **hyper: Any) -> tuple[Any, ...]:
        length = norm(g)
        return rule(theta, where(length > clip_norm, clip_norm / length, 1.0) * g, t, *state, **hyper)

    return with_signature(clip, rule, "clip_norm")


def with_signature(function: Function, rule: Function, *hyper: str, state: str = "") -> Function:
    """Return the function with the rule's signature, hyper-parameters or a state added."""
    signature = inspect.signature(rule)
    parameters = list(signature.parameters.values())
    if state:
        parameters.insert(3, inspect.Parameter(state, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=0.0))
    parameters += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in hyper]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function
