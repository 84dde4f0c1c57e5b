"""The engine that takes the steps of one parameter group, with the fastest implementation for its tensors."""

import operator
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any

import torch
from torch import Tensor

from descend.optim.engines.cuda import CudaKernel
from descend.optim.engines.eager import step_differentiably, step_in_place
from descend.optim.engines.many import step_together
from descend.optim.engines.native import Kernel, cached_kernel, is_supported
from descend.optim.engines.symbols import NotTraceable, trace
from descend.optim.rows import (
    PLAIN_TENSOR_TYPES,
    SharedNumbers,
    StepInputs,
    batch_inputs,
    can_be_batched,
    distinct_shared_numbers,
    gather_sparse_inputs,
    make_kernel_table,
    make_step_inputs,
)
from descend.optim.rule import Rule

# The new values of scalar states such as the step count, which are stored after the step.
NewNumbers = dict[SharedNumbers, Mapping[str, Any]]
# One parameter, its address, its gradient's dtype and stride, its state tensors, and the table index of its gradient.
TensorRecord = tuple[Tensor, int, torch.dtype, tuple[int, ...], list[tuple[dict[str, Any], str, Tensor]], int]


class Engine:
    """Updates the parameters of one group. Between steps, it keeps the compiled kernel and the tensors' addresses."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names  # name of a state in the update rule -> its name in torch
        self._rule: Rule | None = None
        self._parameters: list[Tensor] = []
        self._rows: list[StepInputs] = []
        self._shared_numbers: list[SharedNumbers] = []
        self._kernel: Kernel | CudaKernel | None = (
            None  # the kernel that updates all parameters; None if no single one can
        )
        self._table = array("q")
        self._records: list[TensorRecord] = []

    def can_reuse_kernel(self, rule: Rule, parameters: Sequence[Tensor]) -> bool:
        """Return whether the next step can use the last kernel and table; if so, update the gradients' addresses."""
        if self._kernel is None or rule != self._rule or len(parameters) != len(self._parameters):
            return False
        if not all(map(operator.is_, parameters, self._parameters)):
            return False
        table = self._table
        for parameter, address, dtype, stride, state, table_index in self._records:
            gradient = parameter.grad
            if not table_index:
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
            for own_state, name, value in state:
                if own_state.get(name) is not value:
                    return False
            table[table_index] = gradient.data_ptr()
        return True

    def prepare_step(
        self,
        rule: Rule,
        parameters: Sequence[Tensor],
        state: Callable[[Tensor], dict[str, Any]],
        *,
        on_device: bool,
    ) -> None:
        """Collect the tensors of the next step, and choose a kernel that updates all of them, if there is one.

        `state` returns the optimizer's state of a parameter. With `on_device`, step numbers are tensors on the device.
        """
        self._rule, self._parameters = rule, list(parameters)
        states = [(p, state(p)) for p in parameters if p.grad is not None]
        self._rows = make_step_inputs(rule, states, self._names, on_device=on_device)
        self._shared_numbers = distinct_shared_numbers(self._rows)
        self._kernel = None if on_device or not self._rows else self._common_kernel(rule, self._rows)
        if self._kernel is not None:
            self._table = make_kernel_table(self._rows, self._kernel.scalar_count)
            self._records = list(self._record_tensors())

    def take_step(self, hyper: Mapping[str, Any], *, differentiable: bool) -> str:
        """Take the prepared step, and return its implementation: "native", or "eager: " and why no kernel was used."""
        assert self._rule is not None
        for shared in self._shared_numbers:
            shared.increase_step_count()
        new_numbers: NewNumbers = {}
        if differentiable:
            self._run_eagerly(self._rule, self._rows, hyper, step_differentiably, new_numbers)
            engine = "eager: autograd sees the step"
        elif self._kernel is not None:
            self._run_kernel(self._kernel, self._table, self._shared_numbers, hyper, new_numbers)
            engine = "native"
        else:
            engine = self._step_mixed_tensors(self._rule, hyper, new_numbers)
        for shared, values in new_numbers.items():
            shared.store_numbers(values)
        self._rows = []  # otherwise zero_grad could not free the memory of the gradients
        if differentiable:
            self._kernel = None
        return engine

    def _step_mixed_tensors(self, rule: Rule, hyper: Mapping[str, Any], new_numbers: NewNumbers) -> str:
        """Update the parameters with one kernel per dtype and device, or eagerly; return the implementation as text."""
        groups: dict[tuple[torch.dtype, torch.device], list[StepInputs]] = {}
        eager_rows: list[StepInputs] = []
        write_backs: list[Callable[[], None]] = []
        for row in self._rows:
            if row.arrays["g"].layout is torch.sparse_coo:
                row, write_back = gather_sparse_inputs(row)
                write_backs.append(write_back)
            native = is_supported(list(row.arrays.values())) and not isinstance(row.shared.numbers["t"], Tensor)
            theta = row.arrays["theta"]
            (groups.setdefault((theta.dtype, theta.device), []) if native else eager_rows).append(row)
        traced = trace(rule)
        reason = str(traced) if isinstance(traced, NotTraceable) else "these tensors have no kernel"
        for (dtype, device), group in groups.items():
            built = cached_kernel(rule, dtype, device)
            if isinstance(built, Kernel | CudaKernel):
                table = make_kernel_table(group, built.scalar_count)
                self._run_kernel(built, table, distinct_shared_numbers(group), hyper, new_numbers)
            else:
                reason = str(built)
                eager_rows += group
        is_batchable = [can_be_batched(rule, row) for row in eager_rows]
        self._run_foreach(rule, list(compress(eager_rows, is_batchable)), hyper, new_numbers)
        self._run_eagerly(
            rule, list(compress(eager_rows, map(operator.not_, is_batchable))), hyper, step_in_place, new_numbers
        )
        for write_back in write_backs:
            write_back()
        return f"eager: {reason}" if eager_rows else "native"

    def _run_kernel(
        self,
        built: Kernel | CudaKernel,
        table: "array[int]",
        shared_numbers: Sequence[SharedNumbers],
        hyper: Mapping[str, Any],
        new_numbers: NewNumbers,
    ) -> None:
        """Update the parameters in a kernel's table, and add new scalar states such as step counts to `new_numbers`."""
        values = {name: float(value) for name, value in hyper.items()}
        scalars: list[float] = []
        for shared in shared_numbers:
            values_by_name = {**shared.numbers, **values}
            scalars += built.scalars(values_by_name)
            new_numbers[shared] = built.new_numbers(values_by_name)
        built.run(table, scalars)

    def _run_foreach(
        self, rule: Rule, rows: Sequence[StepInputs], hyper: Mapping[str, Any], new_numbers: NewNumbers
    ) -> None:
        """Update parameters on a GPU in batches; each torch operation is called once for all tensors of a batch."""
        numbers = trace(rule).numbers
        for batch in batch_inputs(rows):
            values_by_name = batch[0].shared.numbers
            names = ("theta", "g", *rule.state)
            tensors = {n: values_by_name[n] if n in numbers else [row.arrays[n] for row in batch] for n in names}
            # A captured CUDA graph must read hyper-parameters such as the learning rate from tensors.
            captured = isinstance(values_by_name["t"], Tensor)
            values = hyper if captured else {name: float(value) for name, value in hyper.items()}
            new_numbers[batch[0].shared] = step_together(rule, tensors, values_by_name["t"], values, numbers)

    def _run_eagerly(
        self,
        rule: Rule,
        rows: Sequence[StepInputs],
        hyper: Mapping[str, Any],
        step_function: Callable[..., dict[str, Any]],
        new_numbers: NewNumbers,
    ) -> None:
        """Update parameters one by one with torch operations; `step_function` updates one parameter."""
        numbers = trace(rule).numbers
        for row in rows:
            values_by_name = row.shared.numbers
            tensors = {n: values_by_name[n] if n in numbers else row.arrays[n] for n in ("theta", "g", *rule.state)}
            new = step_function(rule, tensors, values_by_name["t"], hyper)
            new_numbers[row.shared] = {name: new.pop(name) for name in numbers}
            row.state.update({self._names.get(name, name): value for name, value in new.items()})

    def _common_kernel(self, rule: Rule, rows: list[StepInputs]) -> Kernel | CudaKernel | None:
        """Return the kernel that can update all these parameters, or None if no single kernel can."""
        first = rows[0].arrays["theta"]
        for row in rows:
            plain = row.arrays["theta"] is row.parameter and type(row.parameter) in PLAIN_TENSOR_TYPES
            is_alike = row.arrays["theta"].dtype is first.dtype and row.arrays["theta"].device == first.device
            if not plain or not is_alike or not is_supported(list(row.arrays.values())):
                return None
        built = cached_kernel(rule, first.dtype, first.device)
        return built if isinstance(built, Kernel | CudaKernel) else None

    def _record_tensors(self) -> list[TensorRecord]:
        """Return a record of each parameter's tensors, from which the next step sees whether they have changed."""
        rows = {row.parameter: row for row in self._rows}
        width, index = len(self._table) // len(self._rows), 0
        records: list[TensorRecord] = []
        for parameter in self._parameters:
            row = rows.get(parameter)
            if row is None:
                records.append((parameter, 0, parameter.dtype, (), [], 0))
                continue
            names = ["step", *(self._names.get(n, n) for n in row.arrays if n not in ("theta", "g"))]
            state_tensors = [(row.state, name, row.state[name]) for name in names]
            table_index = index * width + 4
            records.append(
                (parameter, parameter.data_ptr(), parameter.dtype, parameter.stride(), state_tensors, table_index)
            )
            index += 1
        return records
