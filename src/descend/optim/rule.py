"""The update rule of an optimizer, read from the signature of a function.

    def momentum(theta, g, t, v=0.0, *, lr, momentum=0.9):
        v = momentum * v - lr * g
        return v, v

The function takes the parameters, the gradient and the step number (from 1). Next come the states: the default of each
is its initial value, the name of the hyper-parameter that holds it, or a function that returns the state's first tensor
from the parameter and the hyper-parameters. The keyword-only arguments are hyper-parameters.
The function returns the step to add to the parameters, and the new states in the same order.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from torch import Tensor

REQUIRED_ARGUMENTS = ("theta", "g", "t")
InitialState = float | str | Callable[[Tensor, Mapping[str, Any]], Tensor]


@dataclass(frozen=True)
class Rule:
    """An update rule: a function, and the names of the states and hyper-parameters in its signature."""

    function: Callable[..., tuple[Any, ...]]
    # name of a state -> its initial value, the hyper-parameter that is this value, or the function that returns it
    state: Mapping[str, InitialState]
    hyper: tuple[str, ...]
    defaults: Mapping[str, Any]  # default values of the hyper-parameters that have one

    def __hash__(self) -> int:
        return hash(self.function)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.function == other.function

    def initial_value(self, name: str, hyper: Mapping[str, Any], parameter: Tensor) -> float | Tensor:
        """Return the initial value of the optimizer state `name`: a number for all elements, or the state's tensor."""
        value = self.state[name]
        if callable(value):
            return value(parameter, hyper)
        return float(hyper[value]) if isinstance(value, str) else value

    def split(self, result: Any) -> tuple[Any, ...]:
        """Return a result of the function as a tuple: step and new states. Raises `TypeError` for another result."""
        name, count = getattr(self.function, "__name__", "rule"), 1 + len(self.state)
        expected = f"a tuple ({', '.join(['step', *self.state])}{'' if self.state else ','})"
        if not isinstance(result, tuple | list):
            returned = "nothing" if result is None else "a single value"
            raise TypeError(f"{name} must return {expected}, but it returns {returned}")
        if len(result) != count:
            raise TypeError(f"{name} must return {expected}, but it returns a tuple of length {len(result)}")
        return tuple(result)


@cache
def read_rule(function: Callable[..., Any]) -> Rule:
    """Return the update rule that a function defines. Raises `TypeError` if it does not take (theta, g, t, …)."""
    parameters = list(inspect.signature(function).parameters.values())
    name = getattr(function, "__name__", "rule")
    if tuple(p.name for p in parameters[:3]) != REQUIRED_ARGUMENTS:
        raise TypeError(f"{name} must take (theta, g, t, …), not ({', '.join(p.name for p in parameters)})")
    state, hyper, defaults = {}, [], {}
    for parameter in parameters[3:]:
        has_default = parameter.default is not parameter.empty
        if parameter.kind is parameter.KEYWORD_ONLY:
            hyper.append(parameter.name)
            if has_default:
                defaults[parameter.name] = parameter.default
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD and has_default:
            state[parameter.name] = parameter.default
        else:
            raise TypeError(f"{name}: the state {parameter.name!r} needs a default, which is its initial value")
    return Rule(function, MappingProxyType(state), tuple(hyper), MappingProxyType(defaults))
