"""A sealed tape: the loss of one step as a function of the parameters, evaluable at any of them at any time.

Replayed at the step's own parameters it gives the step's own loss bit for bit: the same calls in the same order,
buffers copied, the random streams put back, autocast and grad mode as they were.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import _get_current_function_mode, _pop_mode, _push_mode

from descend.doctor.record import Site
from descend.doctor.tape.call import NONE, SMOOTH, Op, Slot
from descend.doctor.tape.copying import strided_copy
from descend.doctor.tape.domains import ask_cpu, is_on_gpu
from descend.doctor.tape.evaluation import as_evaluated, drops
from descend.doctor.tape.nesting import leaves, mapped
from descend.doctor.tape.randomness import RandomState
from descend.doctor.tape.vocabulary import LOSSES
from descend.doctor.tape.warning import silent
from descend.landscape import Loss

CASTS = frozenset({"float", "half", "bfloat16", "to", "type", "type_as"})  # of numbers, where all are to be float64
CHOICES = frozenset({"randint", "randint_like", "randperm", "multinomial"})  # integers that examples are chosen by
Change = Callable[[Tensor], Tensor]


class Stale(Exception):
    """Data that the recording needs has been changed since."""


@dataclass(frozen=True)
class Recording:
    """The calls of one step that make its loss."""

    ops: tuple[Op, ...]
    root: int  # slot of the loss
    parameters: Mapping[int, Tensor]  # slot -> the script's own leaf tensor, trained or frozen
    data: Mapping[int, Tensor]  # slot -> a copy
    watched: Mapping[int, tuple[Tensor, int]]  # slot -> (the script's own large tensor, its version)
    statistics: Mapping[int, Tensor]  # slot of a copy -> the script's own running mean or variance
    changing: frozenset[int]  # slots of the copies that the calls change in place
    leaves: frozenset[int]  # slots of the graph's leaves, where the loss itself is made of derivatives
    sizes: Mapping[int, int]  # slot -> the tensor's leading size, 0 for a scalar
    derivatives: Mapping[int, Site | None]  # slots of derivatives without a graph -> where they were asked for
    loaders: Mapping[int, str]  # slots of what came from a loader -> which one
    custom: str | None = None  # an autograd.Function whose backward the replay does not know: its value alone is right

    def draws(self, *, evaluation: bool = False) -> bool:
        """Whether the loss draws random numbers, other than which examples it is of."""
        drawn = [op for op in self.ops if op.random is not None and op.name not in CHOICES]
        return any(not (evaluation and drops(op.func)) for op in drawn)

    @property
    def examples(self) -> int:
        """How many examples the batch holds: the leading size of the targets, or of the network's input."""
        losses = [op for op in self.ops if op.name in LOSSES and len(op.inputs) > 1]
        slot = losses[0].inputs[1] if losses else self.input_slot
        return 1 if slot is None else max(1, self.sizes[slot])

    @property
    def rows(self) -> int:
        """The leading size of the network's input; 0 where it is not known."""
        return 0 if self.input_slot is None else self.sizes[self.input_slot]

    @property
    def input_slot(self) -> int | None:
        """The first data tensor that meets a trained parameter: what the network is fed."""
        op = self.first_layer
        return None if op is None else self._fed(op)[0]

    @property
    def first_layer(self) -> Op | None:
        """The call in which data first meets a trained parameter."""
        return next((op for op in self.ops if op.state.grad and SMOOTH in op.taints and self._fed(op)), None)

    def behind(self, slot: int) -> set[int]:
        """Return the slots that a slot's value is made of, itself among them."""
        found = {slot}
        for op in reversed(self.ops):
            if found.intersection(op.outputs) or found.intersection(op.written):
                found.update(op.inputs)
        return found

    def _fed(self, op: Op) -> list[int]:
        return [s for s, taint in zip(op.inputs, op.taints) if taint == NONE and s not in self.parameters]

    def turned(self) -> "Recording":
        """Return the recording of minus the loss."""
        slot = 1 + max(s for op in self.ops for s in (*op.inputs, *op.outputs) if s is not None)
        last = next(op for op in reversed(self.ops) if self.root in op.outputs or self.root in op.written)
        negation = Op(
            func=torch.neg,
            name="neg",
            args=(Slot(self.root),),
            kwargs={},
            inputs=(self.root,),
            taints=(SMOOTH,),
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
    ) -> Tensor:
        """Return the loss with the parameters in `theta` (slot -> tensor; the script's own where absent).

        `evaluation` switches dropout off and normalisation to its present running statistics. `replace` passes a
        slot's value through a function just before it first meets a trained parameter. `watch` is shown each call
        with its arguments and result. `double` computes in float64. Raises `Stale`.
        """
        follows = torch.is_grad_enabled()
        with _replaying(follows or bool(self.leaves)):
            random = RandomState.now()
            try:
                values = self._start(theta, evaluation)
                if double:
                    values = {slot: _doubled(tensor) for slot, tensor in values.items()}
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
    ) -> Loss:
        """Return the loss, times `factor`, as a function of `parameters` (the script's own tensors)."""
        slot_of = {id(tensor): slot for slot, tensor in self.parameters.items()}
        slots = [slot_of.get(id(p)) for p in parameters]

        def evaluate(theta: Sequence[Tensor]) -> Tensor:
            chosen = {slot: t for slot, t in zip(slots, theta) if slot is not None}
            return self.run(chosen, evaluation=evaluation, replace=replace) * factor

        return Loss((evaluate,))

    def _start(self, theta: Mapping[int, Tensor], evaluation: bool) -> dict[int, Tensor]:
        for tensor, version in self.watched.values():
            if tensor._version != version:
                raise Stale("the script has changed its data in place since the step was recorded")
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
        asks = is_on_gpu(values.values())
        # One context for each run of calls under the same modes, so that autocast keeps its cache of cast weights.
        for state, group in groupby(self.ops, lambda op: op.state):
            with state.applied():
                for op in group:
                    if pending and state.grad and SMOOTH in op.taints:
                        for slot in pending.keys() & set(op.inputs):
                            values[slot] = pending.pop(slot)(values[slot])
                    if op.random is not None:
                        op.random.restore()
                    for slot in op.inputs if op.written else ():
                        _ = values[slot].grad_fn  # autograd renews that of a view only when somebody looks
                    args, kwargs = op.unpacked(values)
                    if evaluation:
                        args, kwargs = as_evaluated(op.func, args, kwargs)
                    if kwargs.get("sparse"):  # the same gradient, but one that can be averaged and differentiated
                        kwargs = {**kwargs, "sparse": False}
                    result = _called(op, args, kwargs, double, asks)
                    if watch is not None:
                        watch(op, args, kwargs, result)
                    made = zip(op.outputs, leaves(result))
                    values.update({slot: leaf for slot, leaf in made if slot is not None})


def _called(op: Op, args: tuple, kwargs: dict, double: bool, asks: bool) -> Any:
    if double and op.name in CASTS and isinstance(args[0], Tensor):
        return args[0]
    if asks:
        ask_cpu(op.name, op.func, args, kwargs)
    result = op.func(*args, **kwargs)
    return mapped(_doubled, result) if double else result


def _doubled(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


@contextmanager
def _replaying(follows: bool) -> Iterator[None]:
    """Put the script's modes aside; a loss that is made of derivatives `follows` the graph without being asked to."""
    with _without_function_modes(), sdpa_kernel(SDPBackend.MATH), silent(), torch.set_grad_enabled(follows):
        yield


@contextmanager
def _without_function_modes() -> Iterator[None]:
    """Take every torch function mode off for a while: a tape that is running must not see the replay."""
    modes = []
    while (mode := _get_current_function_mode()) is not None:
        _pop_mode()
        modes.append(mode)
    try:
        yield
    finally:
        for mode in reversed(modes):
            _push_mode(mode)
