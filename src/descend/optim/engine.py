"""Takes the steps of one parameter group by the fastest way that its tensors allow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from descend.optim import eager
from descend.optim.native import Kernel, fits, kernel
from descend.optim.rule import Rule
from descend.optim.symbols import trace


@dataclass(slots=True)
class Work:
    """One parameter's step: θ, g and the state by name, and where the optimizer keeps what is a number."""

    held: dict[str, Any]
    t: Any
    keep: Callable[[str, Any], None]


def take_step(rule: Rule, hyper: Mapping[str, Any], work: list[Work]) -> str:
    """Step every parameter of a group; return what took the steps: native, or eager and why."""
    alike: dict[torch.dtype, list[Work]] = {}
    rest: list[Work] = []
    reason = ""
    for item in work:
        arrays = _arrays(rule, item)
        if fits(arrays) and not isinstance(item.t, Tensor):
            alike.setdefault(arrays[0].dtype, []).append(item)
        else:
            reason = "these tensors have no kernel"
            rest.append(item)
    for dtype, items in alike.items():
        made = kernel(rule, dtype)
        if isinstance(made, Kernel):
            _run(made, rule, hyper, items)
        else:
            reason = str(made)
            rest += items
    for item in rest:
        step = eager.step_rows if item.held["g"].layout is torch.sparse_coo else eager.step
        for name, value in step(rule, item.held, item.t, hyper).items():
            item.keep(name, value)
    return f"eager: {reason}" if rest else "native"


def _arrays(rule: Rule, item: Work) -> list[Tensor]:
    numbers = trace(rule).numbers
    return [value for name, value in item.held.items() if name not in numbers]


def _run(made: Kernel, rule: Rule, hyper: Mapping[str, Any], work: list[Work]) -> None:
    names = trace(rule).numbers
    known = {name: float(value) for name, value in hyper.items()}
    begins: dict[tuple[float, ...], int] = {}  # parameters with the same numbers share their scalars
    scalars: list[float] = []
    rows = []
    for item in work:
        numbers = (item.t, *(item.held[name] for name in names))
        if (begin := begins.get(numbers)) is None:
            begin = begins[numbers] = len(scalars)
            scalars += made.scalars({"t": item.t, **dict(zip(names, numbers[1:])), **known})
        arrays = _arrays(rule, item)
        rows.append((arrays[0].numel(), begin, *(tensor.data_ptr() for tensor in arrays)))
    made.run(rows, scalars)
    for item in work if names else ():
        known_now = {"t": item.t, **{name: item.held[name] for name in names}, **known}
        for name, value in zip(names, made.numbers(known_now)):
            item.keep(name, value)
