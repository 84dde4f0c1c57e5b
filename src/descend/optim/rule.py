"""An update rule: what its function declares by its signature.

    def momentum(theta, g, t, v=0.0, *, lr, momentum=0.9):
        v = momentum * v - lr * g
        return v, v

takes the parameters, the gradient and the number of the step (from 1); then the state, whose defaults are the values it
begins with (or the name of a hyper-parameter); then, by keyword, the hyper-parameters. It returns the step that is
added to the parameters, and the new state in the same order.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

GIVEN = ("theta", "g", "t")


@dataclass(frozen=True)
class Rule:
    """A rule's function and the names it declares."""

    function: Callable[..., tuple[Any, ...]]
    state: Mapping[str, float | str]  # name -> initial value, or the hyper-parameter that it begins with
    hyper: tuple[str, ...]
    defaults: Mapping[str, Any]  # of the hyper-parameters that have one

    def __hash__(self) -> int:
        return hash(self.function)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.function == other.function

    def initial(self, name: str, hyper: Mapping[str, Any]) -> float:
        """Return the value that a state begins with."""
        value = self.state[name]
        return float(hyper[value]) if isinstance(value, str) else value


@cache
def read_rule(function: Callable[..., Any]) -> Rule:
    """Return the rule that a function writes down. Raises `TypeError` where its signature does not say one."""
    parameters = list(inspect.signature(function).parameters.values())
    name = getattr(function, "__name__", "rule")
    if tuple(p.name for p in parameters[:3]) != GIVEN:
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
            raise TypeError(f"{name}: the state {parameter.name!r} needs a default, the value that it begins with")
    return Rule(function, MappingProxyType(state), tuple(hyper), MappingProxyType(defaults))
