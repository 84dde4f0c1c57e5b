"""Takes the steps of one parameter group by the fastest way that its tensors allow."""

import operator
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any

import torch
from torch import Tensor

from descend.optim.engines.cuda import CudaKernel
from descend.optim.engines.eager import step, step_differentiably
from descend.optim.engines.many import step_together
from descend.optim.engines.native import Kernel, fits, kernel
from descend.optim.engines.symbols import trace
from descend.optim.rows import PLAIN, Clock, Row, can_go_together, clocks_of, rows_of, shares, table_of, touched
from descend.optim.rule import Rule

News = dict[Clock, Mapping[str, Any]]  # the numbers that a step makes, to be kept when all have taken it
Known = tuple[Tensor, int, torch.dtype, tuple[int, ...], list[tuple[dict[str, Any], str, Tensor]], int]


class Engine:
    """Steps the parameters of one group, and remembers from step to step where their tensors lie."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names  # the rule's name of a state -> torch's
        self._rule: Rule | None = None
        self._parameters: list[Tensor] = []
        self._rows: list[Row] = []
        self._clocks: list[Clock] = []
        self._kernel: Kernel | CudaKernel | None = None  # where one kernel steps them all
        self._table = array("q")
        self._known: list[Known] = []

    def knows(self, rule: Rule, parameters: Sequence[Tensor]) -> bool:
        """Whether all is as it was in the step before, but for the gradients' addresses, which are noted."""
        if self._kernel is None or rule != self._rule or len(parameters) != len(self._parameters):
            return False
        if not all(map(operator.is_, parameters, self._parameters)):
            return False
        table = self._table
        for parameter, address, dtype, stride, state, place in self._known:
            gradient = parameter.grad
            if not place:
                if gradient is not None:
                    return False
                continue
            if (
                type(gradient) is not Tensor
                or gradient.layout is not torch.strided
                or gradient.dtype is not dtype
                or gradient.stride() != stride
                or parameter.data_ptr() != address
            ):
                return False
            for held, name, value in state:
                if held.get(name) is not value:
                    return False
            table[place] = gradient.data_ptr()
        return True

    def see(
        self,
        rule: Rule,
        parameters: Sequence[Tensor],
        state: Callable[[Tensor], dict[str, Any]],
        *,
        on_device: bool,
    ) -> None:
        """Look at a step's tensors anew; `state` returns what the optimizer holds for a parameter."""
        self._rule, self._parameters = rule, list(parameters)
        given = [(p, state(p)) for p in parameters if p.grad is not None]
        self._rows = rows_of(rule, given, self._names, on_device=on_device)
        self._clocks = clocks_of(self._rows)
        self._kernel = None if on_device or not self._rows else self._kernel_for(rule, self._rows)
        if self._kernel is not None:
            self._table = table_of(self._rows, self._kernel.amount)
            self._known = list(self._note())

    def take(self, hyper: Mapping[str, Any], *, differentiable: bool) -> str:
        """Take the step; return what took it: native, or eager and why."""
        assert self._rule is not None
        for clock in self._clocks:
            clock.advance()
        news: News = {}
        if differentiable:
            self._run_eagerly(self._rule, self._rows, hyper, step_differentiably, news)
            how = "eager: autograd sees the step"
        elif self._kernel is not None:
            self._run(self._kernel, self._table, self._clocks, hyper, news)
            how = "native"
        else:
            how = self._take_apart(self._rule, hyper, news)
        for clock, values in news.items():
            clock.keep(values)
        self._rows = []  # their gradients are memory that zero_grad should free
        if differentiable:
            self._kernel = None
        return how

    def _take_apart(self, rule: Rule, hyper: Mapping[str, Any], news: News) -> str:
        """Step tensors of several kinds: by a kernel for each type, and those that have none eagerly."""
        alike: dict[tuple[torch.dtype, torch.device], list[Row]] = {}
        rest: list[Row] = []
        written: list[Callable[[], None]] = []
        for row in self._rows:
            if row.arrays["g"].layout is torch.sparse_coo:
                row, write_back = touched(row)
                written.append(write_back)
            native = fits(list(row.arrays.values())) and not isinstance(row.clock.numbers["t"], Tensor)
            theta = row.arrays["theta"]
            (alike.setdefault((theta.dtype, theta.device), []) if native else rest).append(row)
        reason = "these tensors have no kernel"
        for (dtype, device), same in alike.items():
            made = kernel(rule, dtype, device)
            if isinstance(made, Kernel | CudaKernel):
                self._run(made, table_of(same, made.amount), clocks_of(same), hyper, news)
            else:
                reason = str(made)
                rest += same
        can = [can_go_together(rule, row) for row in rest]
        self._run_together(rule, list(compress(rest, can)), hyper, news)
        self._run_eagerly(rule, list(compress(rest, map(operator.not_, can))), hyper, step, news)
        for write_back in written:
            write_back()
        return f"eager: {reason}" if rest else "native"

    def _run(
        self,
        made: Kernel | CudaKernel,
        table: "array[int]",
        clocks: Sequence[Clock],
        hyper: Mapping[str, Any],
        news: News,
    ) -> None:
        values = {name: float(value) for name, value in hyper.items()}
        scalars: list[float] = []
        for clock in clocks:
            known = {**clock.numbers, **values}
            scalars += made.scalars(known)
            news[clock] = made.numbers(known)
        made.run(table, scalars)

    def _run_together(self, rule: Rule, rows: Sequence[Row], hyper: Mapping[str, Any], news: News) -> None:
        """Step what lies on a GPU list by list: the parameters of one clock, device and type, a share at a time."""
        numbers = trace(rule).numbers
        for alike in shares(rows):
            known = alike[0].clock.numbers
            names = ("theta", "g", *rule.state)
            held = {n: known[n] if n in numbers else [row.arrays[n] for row in alike] for n in names}
            captured = isinstance(known["t"], Tensor)  # a graph reads the rate where it lies
            values = hyper if captured else {name: float(value) for name, value in hyper.items()}
            news[alike[0].clock] = step_together(rule, held, known["t"], values, numbers)

    def _run_eagerly(
        self,
        rule: Rule,
        rows: Sequence[Row],
        hyper: Mapping[str, Any],
        way: Callable[..., dict[str, Any]],
        news: News,
    ) -> None:
        numbers = trace(rule).numbers
        for row in rows:
            known = row.clock.numbers
            held = {n: known[n] if n in numbers else row.arrays[n] for n in ("theta", "g", *rule.state)}
            new = way(rule, held, known["t"], hyper)
            news[row.clock] = {name: new.pop(name) for name in numbers}
            row.held.update({self._names.get(name, name): value for name, value in new.items()})

    def _kernel_for(self, rule: Rule, rows: list[Row]) -> Kernel | CudaKernel | None:
        first = rows[0].arrays["theta"]
        for row in rows:
            plain = row.arrays["theta"] is row.parameter and type(row.parameter) in PLAIN
            alike = row.arrays["theta"].dtype is first.dtype and row.arrays["theta"].device == first.device
            if not plain or not alike or not fits(list(row.arrays.values())):
                return None
        made = kernel(rule, first.dtype, first.device)
        return made if isinstance(made, Kernel | CudaKernel) else None

    def _note(self) -> list[Known]:
        """Return what must stay as it is for the table to hold, and the gradient's place in it (0: it has none)."""
        rows = {row.parameter: row for row in self._rows}
        width, index = len(self._table) // len(self._rows), 0
        known: list[Known] = []
        for parameter in self._parameters:
            row = rows.get(parameter)
            if row is None:
                known.append((parameter, 0, parameter.dtype, (), [], 0))
                continue
            names = ["step", *(self._names.get(n, n) for n in row.arrays if n not in ("theta", "g"))]
            kept = [(row.held, name, row.held[name]) for name in names]
            place = index * width + 4
            known.append((parameter, parameter.data_ptr(), parameter.dtype, parameter.stride(), kept, place))
            index += 1
        return known
