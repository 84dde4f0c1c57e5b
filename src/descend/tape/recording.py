"""A sealed tape: the loss of one step as a function of the parameters, evaluable at any of them at any time.

Replayed at the step's own parameters it gives the step's own loss bit for bit: the same calls in the same order,
buffers copied, the random state put back, autocast and grad mode as they were.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_flatten, tree_map_only

from descend.landscape import SingleLoss
from descend.record import Site
from descend.tape.evaluation import as_evaluated
from descend.tape.vocabulary import LOSSES


NONE, DISCRETE, SMOOTH = 0, 1, 2  # how a value depends on the parameters


class Stale(Exception):
    """Data that the recording needs has been changed since."""


@dataclass(frozen=True)
class Slot:
    """Stands for a tensor in a recorded call's arguments."""

    index: int


@dataclass(frozen=True)
class Origin:
    """Where a call was made: the user's line, and the module whose forward was running."""

    site: Site | None
    module: torch.nn.Module | None


@dataclass(frozen=True)
class State:
    """The modes that a call ran under."""

    grad: bool
    autocast: tuple[tuple[str, torch.dtype], ...]  # (device type, dtype) for each enabled one

    @staticmethod
    def now() -> "State":
        """Return the modes in force."""
        devices = ("cpu", "cuda") if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda") else ()
        return State(
            torch.is_grad_enabled(),
            tuple((d, torch.get_autocast_dtype(d)) for d in devices if torch.is_autocast_enabled(d)),
        )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Run under these modes."""
        with ExitStack() as stack:
            stack.enter_context(torch.set_grad_enabled(self.grad and torch.is_grad_enabled()))
            for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
                dtype = dict(self.autocast).get(device)
                stack.enter_context(torch.autocast(device, dtype=dtype, enabled=dtype is not None))
            yield


@dataclass(frozen=True)
class Op:
    """One recorded call."""

    func: Any
    name: str
    args: Any  # with `Slot`s in place of tensors
    kwargs: Any
    outputs: tuple[int | None, ...]  # slot of each tensor among the flattened results
    state: State
    inputs: tuple[int, ...]  # slots of the tensors among the arguments, in order
    origin: Origin | None


@dataclass(frozen=True)
class Random:
    """The CPU random state from here on."""

    state: Tensor


@dataclass(frozen=True)
class Recording:
    """The calls of one step up to its loss."""

    steps: tuple[Op | Random, ...]
    root: int  # slot of the loss
    parameters: Mapping[int, Tensor]  # slot -> the script's own leaf tensor
    data: Mapping[int, Tensor]  # slot -> a copy
    watched: Mapping[int, tuple[Tensor, int]]  # slot -> (the script's own large tensor, its version)
    taint: tuple[int, ...]  # per slot: NONE, DISCRETE or SMOOTH
    sizes: tuple[int, ...]  # per slot: the tensor's leading size, 0 for a scalar

    @property
    def examples(self) -> int:
        """How many examples the batch holds: the leading size of the targets, or of the network's input."""
        losses = [op for op in self.ops if op.name in LOSSES and len(op.inputs) > 1]
        slot = losses[0].inputs[1] if losses else self.input_slot
        return 1 if slot is None else max(1, self.sizes[slot])

    @property
    def input_slot(self) -> int | None:
        """The first real-valued data tensor that meets a parameter: what the network is fed."""
        for op in self.ops:
            tainted = [self.taint[slot] for slot in op.inputs]
            if SMOOTH in tainted:
                free = [s for s, t in zip(op.inputs, tainted) if t == NONE]
                return free[0] if free else None
        return None

    @property
    def ops(self) -> Iterator[Op]:
        """The recorded calls, in order."""
        return (step for step in self.steps if isinstance(step, Op))

    def run(
        self,
        theta: Mapping[int, Tensor],
        *,
        evaluation: bool = False,
        replace: Mapping[int, Callable[[Tensor], Tensor]] | None = None,
        watch: Callable[[Op, tuple, dict, Any], None] | None = None,
    ) -> Tensor:
        """Return the loss with the parameters in `theta` (slot -> tensor; the script's own where absent).

        `evaluation` switches dropout off and normalisation to its running statistics. `replace` passes a slot's
        value through a function before it is used. `watch` is shown each call that has an origin, with its
        arguments and result. Raises `Stale`.
        """
        values = self._start(theta)
        for slot, change in (replace or {}).items():
            if slot in values:
                values[slot] = change(values[slot])
        random = torch.get_rng_state()
        try:
            with _without_function_modes(), sdpa_kernel(SDPBackend.MATH):
                self._replay(values, evaluation, replace or {}, watch or _unwatched)
        finally:
            torch.set_rng_state(random)
        return values[self.root]

    def loss(
        self,
        parameters: Sequence[Tensor],
        factor: float = 1.0,
        replace: Mapping[int, Callable[[Tensor], Tensor]] | None = None,
    ) -> SingleLoss:
        """Return the loss, times `factor`, as a function of `parameters` (the script's own tensors)."""
        slot_of = {id(tensor): slot for slot, tensor in self.parameters.items()}
        slots = [slot_of.get(id(p)) for p in parameters]

        def evaluate(theta: Sequence[Tensor]) -> Tensor:
            chosen = {slot: t for slot, t in zip(slots, theta) if slot is not None}
            return self.run(chosen, replace=replace) * factor

        return SingleLoss(evaluate)

    def _start(self, theta: Mapping[int, Tensor]) -> dict[int, Tensor]:
        for tensor, version in self.watched.values():
            if tensor._version != version:
                raise Stale("the script has changed its data in place since the step was recorded")
        values = {slot: tensor.detach() for slot, tensor in self.parameters.items()}
        values.update({slot: tensor for slot, (tensor, _) in self.watched.items()})
        values.update({slot: tensor.clone() for slot, tensor in self.data.items()})
        values.update(theta)
        return values

    def _replay(
        self,
        values: dict[int, Tensor],
        evaluation: bool,
        replace: Mapping[int, Callable[[Tensor], Tensor]],
        watch: Callable[[Op, tuple, dict, Any], None],
    ) -> None:
        for state, group in _grouped(self.steps):
            with state.applied():
                for step in group:
                    if isinstance(step, Random):
                        torch.set_rng_state(step.state)
                        continue
                    args, kwargs = tree_map_only(Slot, lambda s: values[s.index], (step.args, step.kwargs))
                    if evaluation:
                        args, kwargs = as_evaluated(step.func, args, kwargs)
                    result = step.func(*args, **kwargs)
                    if step.origin is not None:
                        watch(step, args, kwargs, result)
                    leaves, _ = tree_flatten(result)
                    for slot, leaf in zip(step.outputs, leaves):
                        if slot is not None:
                            values[slot] = replace[slot](leaf) if slot in replace else leaf


def _unwatched(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
    """Ignore the call."""


def _grouped(steps: Sequence[Op | Random]) -> Iterator[tuple[State, list[Op | Random]]]:
    """Split into runs of one state, so that autocast keeps its cache of cast weights as it did."""
    group: list[Op | Random] = []
    state = State(True, ())
    for step in steps:
        if isinstance(step, Op) and step.state != state:
            if group:
                yield state, group
            group, state = [], step.state
        group.append(step)
    if group:
        yield state, group


@contextmanager
def _without_function_modes() -> Iterator[None]:
    with torch._C.DisableTorchFunction():
        yield
