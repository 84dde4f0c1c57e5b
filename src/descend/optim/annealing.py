"""How much the signs still count after t steps: the f(t) of PowerSign and AddSign (Bello et al. 2017, §4.4)."""

import math
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any, Literal

from descend.optim.folds import Function, with_signature
from descend.optim.optimizer import Optimizer
from descend.optim.vocabulary import cos, maximum

Annealing = Literal["none", "linear", "cosine", "restart"]


def _linear(t: Any, total_steps: Any, periods: Any) -> Any:
    return maximum(1 - (t - 1) / total_steps, 0.0)


def _cosine(t: Any, total_steps: Any, periods: Any) -> Any:
    return 0.5 * (1 + cos(2 * math.pi * periods * (t - 1) / total_steps))


def _restart(t: Any, total_steps: Any, periods: Any) -> Any:
    return 0.5 * (1 + cos(math.pi * ((t - 1) * periods % total_steps) / total_steps))


SHAPES: dict[str, Callable[[Any, Any, Any], Any]] = {"linear": _linear, "cosine": _cosine, "restart": _restart}


@cache
def annealed(rule: Function, annealing: Annealing) -> Function:
    """Return a rule of f with f(t) put in. Raises `ValueError` for an unknown annealing."""
    if annealing != "none" and annealing not in SHAPES:
        raise ValueError(f"annealing must be none, {', '.join(SHAPES)}, not {annealing!r}")

    @wraps(rule)
    def constant(theta: Any, g: Any, t: Any, *state: Any, **hyper: Any) -> tuple[Any, ...]:
        return rule(theta, g, t, *state, f=1.0, **hyper)

    @wraps(rule)
    def fading(
        theta: Any, g: Any, t: Any, *state: Any, total_steps: Any, periods: Any, **hyper: Any
    ) -> tuple[Any, ...]:
        return rule(theta, g, t, *state, f=SHAPES[annealing](t, total_steps, periods), **hyper)

    if annealing == "none":
        return with_signature(constant, rule, without="f")
    return with_signature(fading, rule, "total_steps", "periods", without="f")


class Annealed(Optimizer):
    """An optimizer whose rule takes an f, and whose groups name the annealing that it follows."""

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the rule with its annealing."""
        return annealed(type(self).rule, group["annealing"])
