"""Wrappers that add a feature to an update rule: maximisation, weight decay, momentum, trust ratios, clipping.

Each takes a rule and returns a new rule. A rule is a function of theta, g and the state: tensors of the parameter's
shape, or symbols when the rule is compiled.
"""

import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from descend.optim.vocabulary import maximum, minimum, norm, where

Function = Callable[..., tuple[Any, ...]]


@cache
def with_negated_gradient(rule: Function) -> Function:
    """Return an update rule that maximises the objective: it calls `rule` with the negated gradient."""

    @wraps(rule)
    def negate_gradient(theta: Any, g: Any, t: Any, *state: Any, **hyper: Any) -> tuple[Any, ...]:
        """Return the step and the new states of `rule`, computed with the negated gradient."""
        return rule(theta, -g, t, *state, **hyper)

    return negate_gradient


@cache
def coupled_decay(rule: Function) -> Function:
    """Return an update rule with L2 regularisation: it adds weight_decay·θ to the gradient and then applies `rule`."""

    @wraps(rule)
    def add_decay_to_gradient(
        theta: Any, g: Any, t: Any, *state: Any, weight_decay: Any, **hyper: Any
    ) -> tuple[Any, ...]:
        """Return the step and the new states of `rule`, computed with the gradient plus weight_decay·θ."""
        return rule(theta, g + weight_decay * theta, t, *state, **hyper)

    return with_signature(add_decay_to_gradient, rule, "weight_decay")


@cache
def decoupled_decay(rule: Function) -> Function:
    """Return an update rule that multiplies θ by 1 − lr·weight_decay before the step of `rule`.

    This is decoupled weight decay (Loshchilov & Hutter 2019, Algorithm 2).
    """

    @wraps(rule)
    def shrink_weights(
        theta: Any, g: Any, t: Any, *state: Any, lr: Any, weight_decay: Any, **hyper: Any
    ) -> tuple[Any, ...]:
        """Return the change of θ by weight decay and the step of `rule`, and the new states of `rule`."""
        decayed = theta * (1 - lr * weight_decay)
        step, *new_state = rule(decayed, g, t, *state, lr=lr, **hyper)
        return step + (decayed - theta), *new_state

    return with_signature(shrink_weights, rule, "weight_decay")


@cache
def with_momentum(rule: Function) -> Function:
    """Return an update rule that adds momentum: where `rule` steps by −lr·u, it steps by −lr·b, b ← momentum·b + u."""

    @wraps(rule)
    def accumulate_momentum(
        theta: Any, g: Any, t: Any, b: Any = 0.0, *state: Any, lr: Any, momentum: Any, **hyper: Any
    ) -> Any:
        """Return the step −lr·b, the new momentum buffer b and the new states of `rule`."""
        step, *new_state = rule(theta, g, t, *state, lr=1.0, **hyper)
        b = momentum * b - step
        return -lr * b, b, *new_state

    return with_signature(accumulate_momentum, rule, "momentum", state="b")


@cache
def trust_ratio(rule: Function) -> Function:
    """Return an update rule that rescales the step of `rule` to norm lr·‖θ‖ for each parameter tensor θ.

    This is Algorithm 1 of You et al. 2020 with φ(x) = x.
    """

    @wraps(rule)
    def rescale_step(theta: Any, g: Any, t: Any, *state: Any, lr: Any, **hyper: Any) -> tuple[Any, ...]:
        """Return the step of `rule`, rescaled to norm lr·‖θ‖, and the new states of `rule`."""
        u, *new_state = rule(theta, g, t, *state, lr=1.0, **hyper)
        weight_norm, step_norm = norm(theta), norm(u)
        ratio = where(weight_norm > 0, where(step_norm > 0, weight_norm / step_norm, 1.0), 1.0)
        return lr * ratio * u, *new_state

    return with_signature(rescale_step, rule)


@cache
def layer_rate(rule: Function) -> Function:
    """Return an update rule that calls `rule` with each tensor's gradient rescaled to norm at most trust·‖θ‖.

    This is LARS (You et al. 2017). The gradient includes weight decay. A rule that has an `eps` of its own shares it.
    """
    shared = ("eps",) if "eps" in inspect.signature(rule).parameters else ()

    @wraps(rule)
    def rescale_gradient(
        theta: Any, g: Any, t: Any, *state: Any, trust: Any, weight_decay: Any, eps: Any, **hyper: Any
    ) -> tuple[Any, ...]:
        """Return the step and the new states of `rule`, computed with the rescaled gradient plus weight decay."""
        weight_norm, gradient_norm = norm(theta), norm(g)
        local = trust * weight_norm / (gradient_norm + weight_decay * weight_norm + eps)
        local = where(weight_norm > 0, where(gradient_norm > 0, local, 1.0), 1.0)
        own = dict.fromkeys(shared, eps)
        return rule(theta, local * (g + weight_decay * theta), t, *state, **own, **hyper)

    return with_signature(rescale_gradient, rule, "trust", "weight_decay", *(() if shared else ("eps",)))


@cache
def clipped_value(rule: Function) -> Function:
    """Return an update rule that clips each element of the gradient to ±clip_value (Mikolov 2012)."""

    @wraps(rule)
    def clip_elements(theta: Any, g: Any, t: Any, *state: Any, clip_value: Any, **hyper: Any) -> tuple[Any, ...]:
        """Return the step and the new states of `rule`, computed with the clipped gradient elements."""
        return rule(theta, maximum(minimum(g, clip_value), -clip_value), t, *state, **hyper)

    return with_signature(clip_elements, rule, "clip_value")


@cache
def clipped_norm(rule: Function) -> Function:
    """Return an update rule that clips each tensor's gradient norm to clip_norm (Pascanu et al. 2013, Algorithm 1)."""

    @wraps(rule)
    def clip_gradient(theta: Any, g: Any, t: Any, *state: Any, clip_norm: Any, **hyper: Any) -> tuple[Any, ...]:
        """Return the step and the new states of `rule`, computed with the gradient whose norm is clipped."""
        gradient_norm = norm(g)
        return rule(theta, where(gradient_norm > clip_norm, clip_norm / gradient_norm, 1.0) * g, t, *state, **hyper)

    return with_signature(clip_gradient, rule, "clip_norm")


def with_signature(function: Function, rule: Function, *hyper: str, state: str = "") -> Function:
    """Set the signature of `function` to that of `rule` plus added hyper-parameters and state; return `function`.

    Raises `ValueError` if the rule already has one of them.
    """
    signature = inspect.signature(rule)
    if twice := [name for name in (*hyper, state) if name in signature.parameters]:
        raise ValueError(f"the rule {rule.__name__} already has {twice[0]!r}, which would be added a second time")
    parameters = list(signature.parameters.values())
    if state:
        parameters.insert(3, inspect.Parameter(state, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=0.0))
    parameters += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in hyper]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function
