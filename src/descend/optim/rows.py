"""The inputs of one parameter's step: its tensors by the update rule's names, and numbers shared by parameters."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from descend.optim.engines.symbols import Trace, trace
from descend.optim.rule import Rule

PLAIN_TENSOR_TYPES = (Tensor, Parameter)
MAX_BATCH_ELEMENTS = 1 << 25  # maximum elements per batch, to limit the memory for a step's temporary tensors


@dataclass(eq=False)
class SharedNumbers:
    """The scalar optimizer states of one or more parameters: the step count t and other states that are single numbers.

    Parameters whose numbers are equal share one object. The optimizer's state holds each number as a tensor of shape
    (); the tensors of parameters that share an object are views of one tensor.
    """

    numbers: dict[str, Any]  # the numbers by name, as Python numbers or as tensors on the device
    tensors: dict[str, Tensor] = field(default_factory=dict)  # name -> the number of each parameter, (parameters,)

    def increase_step_count(self) -> None:
        """Increase the step count by 1."""
        if isinstance(self.numbers["t"], Tensor):
            self.numbers["t"].add_(1)
        else:
            self.store_numbers({"t": self.numbers["t"] + 1})

    def store_numbers(self, values: Mapping[str, Any]) -> None:
        """Store new values of the numbers in this object and in the optimizer's state."""
        for name, value in values.items():
            if isinstance(self.numbers[name], Tensor):
                self.numbers[name].copy_(torch.as_tensor(value))
            else:
                self.numbers[name] = value
                self.tensors[name].fill_(value)


@dataclass(eq=False, slots=True)
class StepInputs:
    """The inputs to the step of one parameter: θ, its gradient g, its state tensors, and its scalar states."""

    parameter: Tensor
    state: dict[str, Any]  # this parameter's part of the optimizer's state
    arrays: dict[str, Tensor]
    shared: SharedNumbers


def make_step_inputs(
    rule: Rule, states: Sequence[tuple[Tensor, dict[str, Any]]], names: Mapping[str, str], *, on_device: bool
) -> list[StepInputs]:
    """Return the inputs to the step of each parameter; `states` contains pairs of a parameter and its state.

    `names` maps the rule's state names to torch's. With `on_device`, each parameter keeps its own number tensors.
    """
    torch_names = {"t": "step", **{name: names.get(name, name) for name in trace(rule).numbers}}
    if on_device:
        shared_numbers = [SharedNumbers({name: held[key] for name, key in torch_names.items()}) for _, held in states]
    else:
        shared_numbers = _share_numbers(torch_names, [held for _, held in states])
    pairs = zip(states, shared_numbers)
    return [StepInputs(p, state, _tensors_by_name(rule, p, state, names), shared) for (p, state), shared in pairs]


def gather_sparse_inputs(row: StepInputs) -> tuple[StepInputs, Callable[[], None]]:
    """Return the step inputs at the elements of a sparse gradient, and a function that writes these elements back.

    A gradient with n stored values yields tensors of shape ``(n, ...)``. Call the function after the step.
    """
    g = row.arrays["g"].coalesce()
    index, ours = g.indices(), {name: value for name, value in row.arrays.items() if name != "g"}
    if len(index) == 1:
        dense = {name: value.index_select(0, index[0]) for name, value in ours.items()}
    else:
        dense = {name: value[tuple(index)] for name, value in ours.items()}
    arrays = {name: g.values() if name == "g" else dense[name] for name in row.arrays}

    def write_back() -> None:
        """Write the updated elements back to the parameter and its state."""
        for name, value in ours.items():
            if len(index) == 1:
                value.index_copy_(0, index[0], dense[name])
            else:
                value[tuple(index)] = dense[name]

    return StepInputs(row.parameter, row.state, arrays, row.shared), write_back


def make_kernel_table(rows: Sequence[StepInputs], scalar_count: int) -> "array[int]":
    """Return a kernel's table. A row contains one parameter's range of elements, scalar index and tensor addresses.

    Elements are numbered over all rows. `scalar_count` is the number of scalars per set of shared numbers.
    """
    table, total = array("q"), 0
    order = {shared: index for index, shared in enumerate(distinct_shared_numbers(rows))}
    for row in rows:
        size = row.arrays["theta"].numel()
        table.extend((total, total + size, order[row.shared] * scalar_count))
        table.extend(tensor.data_ptr() for tensor in row.arrays.values())
        total += size
    return table


def can_be_batched(rule: Rule, row: StepInputs) -> bool:
    """Return whether a parameter can be updated in a batch with others, which needs dense tensors on an accelerator."""
    plain = all(type(value) in PLAIN_TENSOR_TYPES and value.layout is torch.strided for value in row.arrays.values())
    return plain and not row.arrays["theta"].is_cpu and isinstance(trace(rule), Trace)


def batch_inputs(rows: Iterable[StepInputs]) -> Iterator[list[StepInputs]]:
    """Yield batches of parameters with equal scalar states, device and dtype; the size of a batch is limited."""
    groups: dict[Any, list[StepInputs]] = {}
    for row in rows:
        groups.setdefault((row.shared, row.arrays["theta"].device, row.arrays["theta"].dtype), []).append(row)
    for group in groups.values():
        batch: list[StepInputs] = []
        elements = 0
        for row in group:
            elements += row.arrays["theta"].numel()
            if batch and elements > MAX_BATCH_ELEMENTS:
                yield batch
                batch, elements = [], row.arrays["theta"].numel()
            batch.append(row)
        yield batch


def as_real(tensor: Tensor) -> Tensor:
    """Return a real view of a complex tensor, of shape ``(..., 2)``: a rule steps both parts as separate elements."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def distinct_shared_numbers(rows: Iterable[StepInputs]) -> list[SharedNumbers]:
    """Return the distinct `SharedNumbers` objects of some parameters, in order of first use."""
    return list(dict.fromkeys(row.shared for row in rows))


def _share_numbers(torch_names: Mapping[str, str], states: Sequence[dict[str, Any]]) -> list[SharedNumbers]:
    """Return the `SharedNumbers` object of each optimizer state; states with equal numbers share one object.

    `torch_names` maps the rule's names of the numbers to torch's.
    """
    states_by_numbers: dict[tuple[float, ...], list[dict[str, Any]]] = {}
    keys = [tuple(held[key].item() for key in torch_names.values()) for held in states]
    for key, held in zip(keys, states):
        states_by_numbers.setdefault(key, []).append(held)
    shared_numbers = {}
    for key, group in states_by_numbers.items():
        shared_numbers[key] = shared = SharedNumbers(dict(zip(torch_names, key)))
        for name, torch_name in torch_names.items():
            shared.tensors[name] = torch.stack([held[torch_name] for held in group])
            for held, view in zip(group, shared.tensors[name].unbind()):
                held[torch_name] = view
    return [shared_numbers[key] for key in keys]


def _tensors_by_name(
    rule: Rule, parameter: Tensor, held: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, Tensor]:
    """Return a parameter, its gradient and its state tensors by the update rule's names; complex ones as real views."""
    traced = trace(rule)
    assert parameter.grad is not None
    state = {n: held[names.get(n, n)] for n in rule.state if n not in traced.numbers}
    arrays = {"theta": parameter, "g": parameter.grad, **state}
    if traced.is_elementwise and type(parameter) not in PLAIN_TENSOR_TYPES:  # update only the local shard of a DTensor
        arrays = {n: v.to_local() if hasattr(v, "to_local") else v for n, v in arrays.items()}
    return {name: as_real(value) for name, value in arrays.items()}
