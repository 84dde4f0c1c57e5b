"""Takes the steps of one parameter group by the fastest way that its tensors allow."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from descend.optim.eager import step, step_differentiably, step_rows
from descend.optim.native import Kernel, fits, kernel
from descend.optim.rule import Rule
from descend.optim.symbols import trace

PLAIN = (Tensor, Parameter)
HEAD = 3  # columns of a row before its addresses: begin, end, scalars


@dataclass(slots=True)
class Row:
    """One parameter's step: the tensors θ, g and state, by the rule's names, and what the optimizer holds for it."""

    parameter: Tensor
    held: dict[str, Any]
    arrays: dict[str, Tensor]
    step: Tensor
    numbers: dict[str, Any]  # t, and the state that is a number: read once, and not at every step
    stride: tuple[int, ...]
    place: int = 0  # of its first address in the table


class Engine:
    """Steps the parameters of one group, and remembers from step to step where their tensors lie."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names  # the rule's name of a state -> torch's
        self._rule: Rule | None = None
        self._parameters: list[Tensor] = []
        self._rows: list[Row | None] = []  # None: a parameter without a gradient
        self._kernel: Kernel | None = None  # where one kernel steps them all
        self._table = array("q")

    def knows(self, rule: Rule, parameters: Sequence[Tensor]) -> bool:
        """Whether all is as it was in the step before, but for the gradients' addresses, which are noted."""
        if self._kernel is None or rule != self._rule or len(parameters) != len(self._rows):
            return False
        table = self._table
        for parameter, known, row in zip(parameters, self._parameters, self._rows):
            gradient = parameter.grad
            if parameter is not known or (gradient is None) != (row is None):
                return False
            if gradient is None or row is None:
                continue
            if (
                row.held["step"] is not row.step
                or type(gradient) is not Tensor
                or gradient.layout is not torch.strided
                or gradient.dtype is not row.arrays["theta"].dtype
                or gradient.stride() != row.stride
            ):
                return False
            place = row.place
            for name, value in row.arrays.items():
                if name == "g":
                    table[place] = gradient.data_ptr()
                elif value.data_ptr() != table[place] or (
                    name != "theta" and row.held[self._names.get(name, name)] is not value
                ):
                    return False
                place += 1
        return True

    def see(self, rule: Rule, rows: Sequence[Row | None], parameters: Sequence[Tensor]) -> None:
        """Look at a step's tensors anew."""
        self._rule, self._rows, self._parameters = rule, list(rows), list(parameters)
        given = [row for row in rows if row is not None]
        self._kernel = self._kernel_for(rule, given) if given and _is_plain(given) else None
        if self._kernel is not None:
            self._table = _table(given)

    def take(self, hyper: Mapping[str, Any], differentiable: bool) -> str:
        """Take the step; return what took it: native, or eager and why."""
        assert self._rule is not None
        given = [row for row in self._rows if row is not None]
        torch._foreach_add_([row.step for row in given], 1)
        for row in given:
            row.numbers["t"] = row.step if isinstance(row.numbers["t"], Tensor) else row.numbers["t"] + 1
        if differentiable:
            self._run_eagerly(self._rule, given, hyper, step_differentiably)
            return "eager: autograd sees the step"
        if self._kernel is not None:
            self._run(self._kernel, self._rule, self._table, given, hyper)
            return "native"
        return self._take_apart(self._rule, given, hyper)

    def _take_apart(self, rule: Rule, rows: list[Row], hyper: Mapping[str, Any]) -> str:
        """Step tensors of several kinds: by a kernel for each type, and those that have none eagerly."""
        alike: dict[torch.dtype | None, list[Row]] = {}
        for row in rows:
            can = fits(list(row.arrays.values())) and not isinstance(row.numbers["t"], Tensor)
            alike.setdefault(row.arrays["theta"].dtype if can else None, []).append(row)
        reason = "these tensors have no kernel"
        rest = alike.pop(None, [])
        for dtype, same in alike.items():
            made = kernel(rule, dtype)
            if isinstance(made, Kernel):
                self._run(made, rule, _table(same), same, hyper)
            else:
                reason = str(made)
                rest += same
        sparse = [row for row in rest if row.arrays["g"].layout is torch.sparse_coo]
        self._run_eagerly(rule, sparse, hyper, step_rows)
        self._run_eagerly(rule, [row for row in rest if row not in sparse], hyper, step)
        return f"eager: {reason}" if rest else "native"

    def _run_eagerly(
        self, rule: Rule, rows: Sequence[Row], hyper: Mapping[str, Any], step: Callable[..., dict[str, Any]]
    ) -> None:
        for row in rows:
            held = {name: row.numbers.get(name, row.arrays.get(name)) for name in ("theta", "g", *rule.state)}
            for name, value in step(rule, held, row.numbers["t"], hyper).items():
                self._keep(row, name, value)

    def _run(
        self, made: Kernel, rule: Rule, table: "array[int]", rows: Sequence[Row], hyper: Mapping[str, Any]
    ) -> None:
        values = {name: float(value) for name, value in hyper.items()}
        begins: dict[tuple[float, ...], int] = {}  # parameters with the same numbers share their scalars
        scalars: list[float] = []
        renewed = trace(rule).numbers
        last: tuple[float, ...] = ()
        for row in rows:
            key = tuple(row.numbers.values())
            if key != last:
                last, begin = key, begins.setdefault(key, len(scalars))
                if begin == len(scalars):
                    scalars += made.scalars({**row.numbers, **values})
            table[row.place - 1] = begin
            if renewed:
                for name, value in zip(renewed, made.numbers({**row.numbers, **values})):
                    self._keep(row, name, value)
        made.run(table, len(rows), scalars)

    def _keep(self, row: Row, name: str, value: Any) -> None:
        kept = self._names.get(name, name)
        if name not in row.numbers:
            row.held[kept] = row.arrays[name] = value
        elif isinstance(row.numbers[name], Tensor):
            row.held[kept] = row.numbers[name] = value
        else:
            row.numbers[name] = value
            row.held[kept].fill_(value)

    def _kernel_for(self, rule: Rule, rows: list[Row]) -> Kernel | None:
        dtype = rows[0].arrays["theta"].dtype
        for row in rows:
            if row.arrays["theta"].dtype is not dtype or not fits(list(row.arrays.values())):
                return None
            if isinstance(row.numbers["t"], Tensor):
                return None
        made = kernel(rule, dtype)
        return made if isinstance(made, Kernel) else None


def row_of(rule: Rule, parameter: Tensor, held: dict[str, Any], names: Mapping[str, str], *, on_device: bool) -> Row:
    """Return the row of a parameter that has a gradient; with `on_device` its numbers stay tensors."""
    traced = trace(rule)
    assert parameter.grad is not None
    arrays = {n: held[names.get(n, n)] for n in rule.state if n not in traced.numbers}
    arrays = {"theta": parameter, "g": parameter.grad, **arrays}
    if traced.is_elementwise and type(parameter) not in PLAIN:  # a shard is stepped as it lies here
        arrays = {n: v.to_local() if hasattr(v, "to_local") else v for n, v in arrays.items()}
    if parameter.is_complex():  # a complex number is two real ones
        arrays = {n: torch.view_as_real(v.resolve_conj()) for n, v in arrays.items()}
    numbers = {"t": held["step"], **{n: held[names.get(n, n)] for n in traced.numbers}}
    if not on_device:
        numbers = {n: v.item() for n, v in numbers.items()}
    return Row(parameter, held, arrays, held["step"], numbers, parameter.stride())


def _is_plain(rows: Sequence[Row]) -> bool:
    return all(row.arrays["theta"] is row.parameter and type(row.parameter) in PLAIN for row in rows)


def _table(rows: Sequence[Row]) -> "array[int]":
    table, total = array("q"), 0
    for row in rows:
        amount = row.arrays["theta"].numel()
        table.extend((total, total + amount, 0))
        row.place = len(table)
        table.extend(tensor.data_ptr() for tensor in row.arrays.values())
        total += amount
    return table
