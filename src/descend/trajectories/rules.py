"""Read the optimizers that the user lists, such as `SGD,Adam`, with options as in Python: `SGD(momentum=0.9)`."""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

import torch

from descend import optim
from descend.core.errors import TOO_DEEP, UsageError

RULES: dict[str, type[torch.optim.Optimizer]] = {
    name: value
    for name, value in vars(optim).items()
    if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not optim.Optimizer
}
OWN_RATE = (
    "YellowFin",
    "NewtonCG",
    "DiagonalNewton",
)  # optimizers that compute a learning rate themselves and multiply it by `lr`


@dataclass(frozen=True)
class Chosen:
    """An optimizer class with the options that the user chose; `how` says where the learning rate comes from.

    Parameters
    ----------
    text : str
        The optimizer as the user wrote it, such as "SGD(momentum=0.9)".
    optimizer : type
        The class of the optimizer.
    options : dict
        The options of the constructor.
    how : str
        Where the learning rate comes from.
    """

    text: str  # the optimizer as the user wrote it, such as `SGD(momentum=0.9)`
    optimizer: type[torch.optim.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)
    how: str = "given"

    @property
    def name(self) -> str:
        """Return the name of the optimizer class."""
        return self.optimizer.__name__

    @property
    def lr(self) -> float | None:
        """Return the optimizer's learning rate; None if it has not been chosen yet."""
        return self.options.get("lr")

    def with_lr(self, lr: float, how: str = "given") -> "Chosen":
        """Return a copy with the learning rate `lr`; `how` says where this learning rate comes from."""
        return Chosen(self.text, self.optimizer, {**self.options, "lr": lr}, how)

    def construct(self, parameters: Any) -> Any:
        """Construct the optimizer for these parameters. Raises `ValueError` or `TypeError` for an invalid option."""
        return self.optimizer(parameters, **self.options)


def chosen(text: str) -> list[Chosen]:
    """Return the optimizers that a text such as `SGD,Adam` lists.

    Parameters
    ----------
    text : str
        A list of optimizers with options, such as "SGD(momentum=0.9),Adam".

    Returns
    -------
    list of Chosen
        The optimizers.

    Raises
    ------
    UsageError
        For an unknown name or option.
    """
    try:
        listed = ast.parse(f"[{text}]", mode="eval").body
    except (SyntaxError, ValueError, *TOO_DEEP):
        listed = None
    if not isinstance(listed, ast.List) or not listed.elts:
        raise UsageError(f"--rules must be optimizers such as SGD,Adam or SGD(momentum=0.9),Adam, not {text!r}")
    return [_read_optimizer(item) for item in listed.elts]


def _read_optimizer(item: ast.expr) -> Chosen:
    """Return the optimizer that an item such as `Adam` or `SGD(momentum=0.9)` describes, or raise `UsageError`."""
    said = ast.unparse(item)
    called = item.func if isinstance(item, ast.Call) else item
    if not isinstance(called, ast.Name):
        raise UsageError(f"--rules must be optimizers such as SGD or SGD(momentum=0.9), not {said}")
    known = {name.lower(): name for name in RULES}
    name = known.get(called.id.lower())
    if name is None:
        raise UsageError(f"no optimizer is called {called.id}; the optimizers are: {', '.join(sorted(RULES))}")
    options = _read_options(item, said) if isinstance(item, ast.Call) else {}
    rate = options.get("lr")
    if rate is not None and not (isinstance(rate, int | float) and 0 < rate < inf):
        raise UsageError(f"{said}: a learning rate must be a positive number, not {rate}")
    taken = [word for word in inspect.signature(RULES[name]).parameters if word not in ("params", "options")]
    if strange := [word for word in options if word not in taken]:
        raise UsageError(f"{said}: {name} has no option {strange[0]}; its options are: {', '.join(taken)}")
    found = Chosen(said if options else name, RULES[name], options)
    try:
        (found if "lr" in options else found.with_lr(1.0)).construct([torch.zeros(2, requires_grad=True)])
    except (TypeError, ValueError) as error:
        raise UsageError(f"{said}: {error}") from None
    return found


def _read_options(call: ast.Call, said: str) -> dict[str, Any]:
    """Return the keyword arguments of a call. Raises `UsageError` if one is positional or not a literal."""
    try:
        options = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if word.arg}
    except ValueError:
        options = {}
    if call.args or len(options) < len(call.keywords):
        raise UsageError(f"{said}: write each option as name=value, where the value is a literal such as 0.9 or True")
    return options
