"""One parameter's step: its tensors by the rule's names, and the numbers that it shares with others."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from descend.optim.engines.symbols import Trace, trace
from descend.optim.rule import Rule

PLAIN = (Tensor, Parameter)
SHARE = 1 << 25  # elements: a step's temporaries stay small beside a large model


@dataclass(eq=False)
class Clock:
    """What is one number for a whole tensor: t, and such state. Parameters that step together share one.

    The optimizer's state shows each number as a tensor; those of one clock are views of one tensor.
    """

    numbers: dict[str, Any]  # as Python's, or, on a device, as the tensors themselves
    shown: dict[str, Tensor] = field(default_factory=dict)

    def advance(self) -> None:
        """Count one step more."""
        if isinstance(self.numbers["t"], Tensor):
            self.numbers["t"].add_(1)
        else:
            self.keep({"t": self.numbers["t"] + 1})

    def keep(self, values: Mapping[str, Any]) -> None:
        """Take over new values."""
        for name, value in values.items():
            if isinstance(self.numbers[name], Tensor):
                self.numbers[name].copy_(torch.as_tensor(value))
            else:
                self.numbers[name] = value
                self.shown[name].fill_(value)


@dataclass(eq=False, slots=True)
class Row:
    """One parameter's tensors: θ, g (until the step is taken) and the state that is an array."""

    parameter: Tensor
    held: dict[str, Any]  # the optimizer's state of this parameter
    arrays: dict[str, Tensor]
    clock: Clock


def rows_of(
    rule: Rule, given: Sequence[tuple[Tensor, dict[str, Any]]], names: Mapping[str, str], *, on_device: bool
) -> list[Row]:
    """Return a row for each parameter and its state; with `on_device` their numbers stay tensors of their own."""
    kept = {"t": "step", **{name: names.get(name, name) for name in trace(rule).numbers}}
    if on_device:
        clocks = [Clock({name: held[key] for name, key in kept.items()}) for _, held in given]
    else:
        clocks = _shared(kept, [held for _, held in given])
    return [Row(p, held, _arrays(rule, p, held, names), clock) for (p, held), clock in zip(given, clocks)]


def touched(row: Row) -> tuple[Row, Callable[[], None]]:
    """Return the row of what a sparse gradient touches, as dense tensors, and what writes them back."""
    g = row.arrays["g"].coalesce()
    index, ours = g.indices(), {name: value for name, value in row.arrays.items() if name != "g"}
    if len(index) == 1:
        dense = {name: value.index_select(0, index[0]) for name, value in ours.items()}
    else:
        dense = {name: value[tuple(index)] for name, value in ours.items()}
    arrays = {name: g.values() if name == "g" else dense[name] for name in row.arrays}

    def write_back() -> None:
        for name, value in ours.items():
            if len(index) == 1:
                value.index_copy_(0, index[0], dense[name])
            else:
                value[tuple(index)] = dense[name]

    return Row(row.parameter, row.held, arrays, row.clock), write_back


def table_of(rows: Sequence[Row], amount: int) -> "array[int]":
    """Return the table that a kernel reads: each tensor's place in the count of all elements, scalars, addresses.

    `amount` is how many scalars each clock has.
    """
    table, total = array("q"), 0
    order = {clock: index for index, clock in enumerate(clocks_of(rows))}
    for row in rows:
        size = row.arrays["theta"].numel()
        table.extend((total, total + size, order[row.clock] * amount))
        table.extend(tensor.data_ptr() for tensor in row.arrays.values())
        total += size
    return table


def can_go_together(rule: Rule, row: Row) -> bool:
    """Whether a row lies where many small calls are slow, and its rule can be run on lists of tensors."""
    plain = all(type(value) in PLAIN and value.layout is torch.strided for value in row.arrays.values())
    return plain and not row.arrays["theta"].is_cpu and isinstance(trace(rule), Trace)


def shares(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Go through rows of one clock, device and type together, at most `SHARE` elements at a time."""
    alike: dict[Any, list[Row]] = {}
    for row in rows:
        alike.setdefault((row.clock, row.arrays["theta"].device, row.arrays["theta"].dtype), []).append(row)
    for same in alike.values():
        share: list[Row] = []
        amount = 0
        for row in same:
            amount += row.arrays["theta"].numel()
            if share and amount > SHARE:
                yield share
                share, amount = [], row.arrays["theta"].numel()
            share.append(row)
        yield share


def clocks_of(rows: Iterable[Row]) -> list[Clock]:
    """Return the clocks of some rows, each once."""
    return list(dict.fromkeys(row.clock for row in rows))


def _shared(kept: Mapping[str, str], states: Sequence[dict[str, Any]]) -> list[Clock]:
    together: dict[tuple[float, ...], list[dict[str, Any]]] = {}
    keys = [tuple(held[key].item() for key in kept.values()) for held in states]
    for key, held in zip(keys, states):
        together.setdefault(key, []).append(held)
    clocks = {}
    for key, alike in together.items():
        clocks[key] = clock = Clock(dict(zip(kept, key)))
        for name, place in kept.items():
            clock.shown[name] = torch.stack([held[place] for held in alike])
            for held, view in zip(alike, clock.shown[name].unbind()):
                held[place] = view
    return [clocks[key] for key in keys]


def _arrays(rule: Rule, parameter: Tensor, held: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Tensor]:
    traced = trace(rule)
    assert parameter.grad is not None
    state = {n: held[names.get(n, n)] for n in rule.state if n not in traced.numbers}
    arrays = {"theta": parameter, "g": parameter.grad, **state}
    if traced.is_elementwise and type(parameter) not in PLAIN:  # a shard is stepped as it lies here
        arrays = {n: v.to_local() if hasattr(v, "to_local") else v for n, v in arrays.items()}
    if parameter.is_complex():  # a complex number is two real ones
        arrays = {n: torch.view_as_real(v.resolve_conj()) for n, v in arrays.items()}
    return arrays
