"""A finalised tape: the loss of one step as a function of the parameters, computed by replaying the recorded calls.

A replay at the step's own parameters reproduces the step's loss bit for bit. It makes the same calls in the same order
with copies of the buffers, and it restores the random state, autocast and grad mode of each call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import _get_current_function_mode, _pop_mode, _push_mode

from descend.core.operations import Trait, having
from descend.doctor.record import Site
from descend.doctor.tape.call import NONE, SMOOTH, Op, Slot
from descend.doctor.tape.copying import strided_copy
from descend.doctor.tape.device_checks import check_on_cpu, is_on_gpu
from descend.doctor.tape.evaluation import evaluation_arguments, is_random_in_training
from descend.doctor.tape.nesting import leaves, map_leaves
from descend.doctor.tape.randomness import RandomState
from descend.doctor.tape.vocabulary import LOSSES
from descend.doctor.tape.warning_lines import without_warnings
from descend.landscape import Loss

CASTS = having(Trait.CAST)  # A replay in float64 skips these casts between floating-point dtypes.
CHOICES = having(Trait.DRAWS_INDICES)  # These calls draw integers, which scripts use to select examples.
Change = Callable[[Tensor], Tensor]


class StaleData(Exception):
    """Raised if the script has changed data that a replay needs."""


@dataclass(frozen=True)
class Recording:
    """The torch calls of one step that compute its loss."""

    ops: tuple[Op, ...]
    root: int  # the slot of the loss tensor
    parameters: Mapping[int, Tensor]  # slot (number) of a parameter -> the script's own tensor
    data: Mapping[int, Tensor]  # slot (number) of a data tensor -> a copy of the tensor
    watched: Mapping[
        int, tuple[Tensor, int]
    ]  # slot of a large data tensor -> (the tensor, its number of in-place changes)
    statistics: Mapping[int, Tensor]  # slot of a running mean or variance -> the script's own tensor
    changing: frozenset[int]  # slots of the data copies that the recorded calls change in place
    # slots of the autograd graph's leaves; empty if the loss contains no derivative, such as a gradient penalty
    leaves: frozenset[int]
    sizes: Mapping[int, int]  # slot of a tensor -> the size of its first dimension, 0 for a scalar
    derivatives: Mapping[int, Site | None]  # slot of a gradient that has no graph -> the line that computed it
    loaders: Mapping[int, str]  # slot of a tensor from a DataLoader -> the name of the loader
    # name of a custom autograd.Function in the loss; a replay reproduces its value, but not its gradient
    custom: str | None = None

    def is_random(self, *, evaluation: bool = False) -> bool:
        """Return whether the loss depends on random numbers, other than those that select the examples."""
        drawn = [op for op in self.ops if op.random is not None and op.name not in CHOICES]
        return any(not (evaluation and is_random_in_training(op.func)) for op in drawn)

    @property
    def batch_size(self) -> int:
        """The number of examples in the batch: the first dimension of the targets, or of the network's input."""
        losses = [op for op in self.ops if op.name in LOSSES and len(op.inputs) > 1]
        slot = losses[0].inputs[1] if losses else self.input_slot
        return 1 if slot is None else max(1, self.sizes[slot])

    @property
    def input_rows(self) -> int:
        """The size of the first dimension of the network's input; 0 if the input is unknown."""
        return 0 if self.input_slot is None else self.sizes[self.input_slot]

    @property
    def input_slot(self) -> int | None:
        """The slot (number) of the network's input: the first data tensor that is combined with a trained parameter."""
        op = self.first_layer
        return None if op is None else self._data_inputs(op)[0]

    @property
    def first_layer(self) -> Op | None:
        """The first call that combines data with a trained parameter."""
        return next(
            (op for op in self.ops if op.state.grad and SMOOTH in op.dependences and self._data_inputs(op)), None
        )

    def upstream_slots(self, slot: int) -> set[int]:
        """Return the slots (numbers) of all tensors that the tensor in `slot` is computed from, including `slot`."""
        found = {slot}
        for op in reversed(self.ops):
            if found.intersection(op.outputs) or found.intersection(op.written):
                found.update(op.inputs)
        return found

    def _data_inputs(self, op: Op) -> list[int]:
        """Return the slots (numbers) of the data tensors among a call's inputs."""
        return [
            s for s, dependence in zip(op.inputs, op.dependences) if dependence == NONE and s not in self.parameters
        ]

    def negate(self) -> "Recording":
        """Return a recording that computes the negated loss."""
        slot = 1 + max(s for op in self.ops for s in (*op.inputs, *op.outputs) if s is not None)
        last = next(op for op in reversed(self.ops) if self.root in op.outputs or self.root in op.written)
        negation = Op(
            func=torch.neg,
            name="neg",
            args=(Slot(self.root),),
            kwargs={},
            inputs=(self.root,),
            dependences=(SMOOTH,),
            outputs=(slot,),
            written=(),
            random=None,
            state=last.state,
            origin=last.origin,
        )
        return replace(self, ops=(*self.ops, negation), root=slot, sizes={**self.sizes, slot: self.sizes[self.root]})

    def run(
        self,
        theta: Mapping[int, Tensor],
        *,
        evaluation: bool = False,
        replace: Mapping[int, Change] | None = None,
        watch: Callable[[Op, tuple, dict, Any], None] | None = None,
        double: bool = False,
        same_kernels: bool = False,
    ) -> Tensor:
        """Replay the recorded calls, and return the loss at the parameters `theta`.

        Parameters
        ----------
        theta
            The tensor for each slot. The script's own tensor is used for slots that are missing.
        evaluation
            Disable dropout, and normalise by the present running statistics.
        replace
            A function for each slot that changes its value before the first call that depends on a trained parameter.
        watch
            Called after each call with the call, its arguments and its result.
        double
            Compute in float64.
        same_kernels
            Compute attention with the kernels of the script, which cannot be differentiated twice.

        Raises
        ------
        StaleData
            If the script has changed the data.
        """
        follows = torch.is_grad_enabled()
        with _replay_modes(follows or bool(self.leaves), same_kernels):
            random = RandomState.now()
            try:
                values = self._initial_values(theta, evaluation)
                if double:
                    values = {slot: _as_float64(tensor) for slot, tensor in values.items()}
                self._replay(values, evaluation, dict(replace or {}), watch, double)
            finally:
                random.restore()
        return values[self.root] if follows else values[self.root].detach()

    def loss(
        self,
        parameters: Sequence[Tensor],
        factor: float = 1.0,
        replace: Mapping[int, Change] | None = None,
        *,
        evaluation: bool = False,
        same_kernels: bool = False,
    ) -> Loss:
        """Return the loss times `factor` as a function of the values of the script's tensors `parameters`."""
        slot_of = {id(tensor): slot for slot, tensor in self.parameters.items()}
        slots = [slot_of.get(id(p)) for p in parameters]

        def evaluate(theta: Sequence[Tensor]) -> Tensor:
            """Replay the step with the parameters `theta`, and return the loss times `factor`."""
            chosen = {slot: t for slot, t in zip(slots, theta) if slot is not None}
            loss = self.run(chosen, evaluation=evaluation, replace=replace, same_kernels=same_kernels)
            return loss * factor

        return Loss((evaluate,))

    def _initial_values(self, theta: Mapping[int, Tensor], evaluation: bool) -> dict[int, Tensor]:
        """Return each tensor that exists before the first recorded call, by slot (number). Raises `StaleData`."""
        for tensor, version in self.watched.values():
            if tensor._version != version:
                raise StaleData("the script has changed its data in place since the step was recorded")
        values = {slot: tensor.detach() for slot, tensor in self.parameters.items()}
        values.update({slot: tensor.detach() for slot, (tensor, _) in self.watched.items()})
        present = {**self.data, **self.statistics} if evaluation else self.data
        for slot, tensor in present.items():
            values[slot] = strided_copy(tensor) if slot in self.changing else tensor.detach()
        values.update(theta)
        passive = {slot for slot in self.leaves if not values[slot].requires_grad}
        return values | {slot: values[slot].detach().requires_grad_() for slot in passive}

    def _replay(
        self,
        values: dict[int, Tensor],
        evaluation: bool,
        pending: dict[int, Change],
        watch: Callable[[Op, tuple, dict, Any], None] | None,
        double: bool,
    ) -> None:
        """Make the recorded calls in order, and store their results in `values` by slot (number)."""
        checks = is_on_gpu(values.values())
        # Consecutive calls with the same modes share one context, so that autocast keeps its cache of cast weights.
        for state, group in groupby(self.ops, lambda op: op.state):
            with state.activate():
                for op in group:
                    if pending and state.grad and SMOOTH in op.dependences:
                        for slot in pending.keys() & set(op.inputs):
                            values[slot] = pending.pop(slot)(values[slot])
                    if op.random is not None:
                        op.random.restore()
                    for slot in op.inputs if op.written else ():
                        # Reading grad_fn of a view makes autograd update the view's graph node.
                        _ = values[slot].grad_fn
                    args, kwargs = op.unpack_arguments(values)
                    if evaluation:
                        args, kwargs = evaluation_arguments(op.func, args, kwargs)
                    if kwargs.get("sparse"):
                        # A dense gradient has the same values, but unlike a sparse one it can be differentiated.
                        kwargs = {**kwargs, "sparse": False}
                    result = _make_call(op, args, kwargs, double, checks)
                    if watch is not None:
                        watch(op, args, kwargs, result)
                    made = zip(op.outputs, leaves(result))
                    values.update({slot: leaf for slot, leaf in made if slot is not None})


def _make_call(op: Op, args: tuple, kwargs: dict, double: bool, checks: bool) -> Any:
    """Make a recorded call and return its result; with `checks`, check its arguments on the CPU first."""
    if checks:
        check_on_cpu(op.name, op.func, args, kwargs)
    result = op.func(*args, **kwargs)
    is_cast = double and op.name in CASTS and isinstance(result, Tensor)
    if is_cast and isinstance(args[0], Tensor) and args[0].is_floating_point() and result.is_floating_point():
        return args[0]
    return map_leaves(_as_float64, result) if double else result


def _as_float64(value: Any) -> Any:
    """Return a real tensor in float64, and any other value unchanged."""
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


@contextmanager
def _replay_modes(follows: bool, same_kernels: bool) -> Iterator[None]:
    """Disable the script's function modes and warnings inside `with`. Gradients are enabled if `follows` is true.

    Unless the kernels must be the same, attention uses the only kernel that can be differentiated twice.
    """
    kernels = nullcontext() if same_kernels else sdpa_kernel(SDPBackend.MATH)
    with _without_function_modes(), kernels, without_warnings(), torch.set_grad_enabled(follows):
        yield


@contextmanager
def _without_function_modes() -> Iterator[None]:
    """Remove all torch function modes inside the `with` block, so that an active tape does not record a replay."""
    modes = []
    while (mode := _get_current_function_mode()) is not None:
        _pop_mode()
        modes.append(mode)
    try:
        yield
    finally:
        for mode in reversed(modes):
            _push_mode(mode)
