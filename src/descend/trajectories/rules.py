"""The rules that are asked for: `SGD,Adam`, with options as in Python where they need some: `SGD(momentum=0.9)`."""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

import torch

from descend import optim
from descend.ground.errors import TOO_DEEP, UsageError

RULES: dict[str, type[torch.optim.Optimizer]] = {
    name: value
    for name, value in vars(optim).items()
    if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not optim.Optimizer
}
OWN_RATE = ("YellowFin", "NewtonCG", "DiagonalNewton")  # these measure a rate themselves: lr only multiplies it


@dataclass(frozen=True)
class Chosen:
    """A rule of `descend.optim` with its options, and how its rate came about, in words."""

    text: str  # as it was asked for
    optimizer: type[torch.optim.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)
    how: str = "given"

    @property
    def name(self) -> str:
        """The name of its class."""
        return self.optimizer.__name__

    @property
    def lr(self) -> float | None:
        """Its rate, where it has been chosen."""
        return self.options.get("lr")

    def at(self, lr: float, how: str = "given") -> "Chosen":
        """Return the rule at a rate."""
        return Chosen(self.text, self.optimizer, {**self.options, "lr": lr}, how)

    def make(self, parameters: Any) -> Any:
        """Return its optimizer. Raises `ValueError` or `TypeError` for an option that it does not take."""
        return self.optimizer(parameters, **self.options)


def chosen(text: str) -> list[Chosen]:
    """Return the rules that a text lists. Raises `UsageError` for what is unknown or takes other options."""
    try:
        listed = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, *TOO_DEEP):
        listed = None
    if not isinstance(listed, ast.List) or not listed.elts:
        raise UsageError(f"--rules are names such as SGD,Adam or SGD(momentum=0.9),Adam; not {text!r}")
    return [_read(item) for item in listed.elts]


def _read(item: ast.expr) -> Chosen:
    said = ast.unparse(item)
    called = item.func if isinstance(item, ast.Call) else item
    if not isinstance(called, ast.Name):
        raise UsageError(f"--rules are names such as SGD or SGD(momentum=0.9); not {said}")
    known = {name.lower(): name for name in RULES}
    name = known.get(called.id.lower())
    if name is None:
        raise UsageError(f"no rule is called {called.id}; there are: {', '.join(sorted(RULES))}")
    options = _options(item, said) if isinstance(item, ast.Call) else {}
    rate = options.get("lr")
    if rate is not None and not (isinstance(rate, int | float) and 0 < rate < inf):
        raise UsageError(f"{said}: a rate must be a positive number, not {rate}")
    taken = [word for word in inspect.signature(RULES[name]).parameters if word not in ("params", "options")]
    if strange := [word for word in options if word not in taken]:
        raise UsageError(f"{said}: {name} takes {', '.join(taken)}; not {strange[0]}")
    found = Chosen(said if options else name, RULES[name], options)
    try:
        (found if "lr" in options else found.at(1.0)).make([torch.zeros(2, requires_grad=True)])
    except (TypeError, ValueError) as error:
        raise UsageError(f"{said}: {error}") from None
    return found


def _options(call: ast.Call, said: str) -> dict[str, Any]:
    try:
        options = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if word.arg}
    except ValueError:
        options = {}
    if call.args or len(options) < len(call.keywords):
        raise UsageError(f"{said}: options are written name=value, with plain values")
    return options
