"""What a probe is given: one instant of a run, just after a backward pass and before the step it feeds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from descend.doctor.probes.loss_call import loss_call, module_of
from descend.doctor.record import Fact, Note, Reading, Site
from descend.doctor.tape import Op, Recording, Stale
from descend.doctor.tape.vocabulary import ACTIVATIONS
from descend.landscape.loss import Hessian

MATRIX = 2


class Unavailable(Exception):
    """Why a probe cannot measure here."""


@dataclass(frozen=True)
class Forward:
    """One recording computed again at the present parameters."""

    recording: Recording
    loss: float
    pair: tuple[Tensor, Tensor] | None  # what the one loss call is given: prediction and target
    activations: tuple[tuple[Op, Tensor], ...]  # each activation call with its output; none in evaluation


@dataclass(frozen=True)
class Snapshot:
    """The state of one optimizer's training at one step."""

    step: int  # optimizer steps taken before
    key: str  # which optimizer
    optimizer: Optimizer | None  # None when the script updates its parameters by hand
    parameters: tuple[Tensor, ...]  # the leaves of this loss that the optimizer holds
    names: Mapping[int, str]  # id of a parameter -> its qualified name
    gradients: tuple[Tensor | None, ...]  # of this backward alone, unscaled; as `parameters`
    backwards: int  # backward passes that feed one step (gradient accumulation)
    recording: Recording | None  # this step's loss; None where the tape refused
    monitor: tuple[Recording, ...]  # the first batches' losses: the fixed examples that curves are read on
    modules: Callable[[nn.Module], str]  # a module's qualified name
    made_at: Callable[[nn.Module], Site | None]  # where a module was constructed
    memory: dict[str, Any] = field(default_factory=dict)  # what probes keep from one moment to the next
    go_on: Callable[[int], bool] = lambda products: True  # whether an iterative probe can afford another product
    note_site: Callable[[str, str, Site | None, str], None] = lambda kind, key, site, detail: None
    is_held: Callable[[Tensor], bool] = lambda parameter: True  # whether any optimizer has that parameter
    asked: Mapping[str, Any] = field(default_factory=dict)  # in a run that is made to show something: what, and how
    is_last: bool = False  # whether the run is at its end
    loader: Callable[[str], Any] = lambda number: None  # the script's loader of that number
    climbs: bool = False  # whether the steps go up the loss
    averaged: Callable[[Hessian], Hessian] = lambda hessian: hessian  # over all ranks, where they look together

    def name(self, parameter: Tensor) -> str:
        """Return the parameter's qualified name, or its place in the optimizer."""
        known = self.names.get(id(parameter))
        if known is not None:
            return known
        return f"parameter {[id(p) for p in self.parameters].index(id(parameter))}"

    def recordings(self) -> tuple[Recording, ...]:
        """Return the monitor's recordings, or this step's alone. Raises `Unavailable` where there is none."""
        found = self.monitor or ((self.recording,) if self.recording else ())
        if not found:
            raise Unavailable("the step could not be recorded")
        return found

    @cached_property
    def trained(self) -> tuple[Forward, ...]:
        """The fixed examples' forward passes as the script makes them. Raises `Unavailable`."""
        return tuple(forward(recording, evaluation=False) for recording in self.recordings())

    @cached_property
    def evaluated(self) -> tuple[Forward, ...]:
        """The fixed examples' forward passes in evaluation mode. Raises `Unavailable`."""
        return tuple(forward(recording, evaluation=True) for recording in self.recordings())


def chosen_at(snapshot: Snapshot, op: Op) -> tuple[Site | None, str]:
    """Return where an activation is chosen, and as what: its module's constructor, or else its call."""
    module = module_of(op)
    if module is not None and not list(module.children()) and type(module).__module__.startswith("torch.nn"):
        return snapshot.made_at(module), type(module).__name__
    return op.site, op.name


def forward(recording: Recording, *, evaluation: bool) -> Forward:
    """Compute a recording at the parameters' present values. Raises `Unavailable` where its data have changed."""
    call = loss_call(recording)
    pairs: list[tuple[Tensor, Tensor]] = []
    activations: list[tuple[Op, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if call is not None and op is call.op:
            prediction, target = call.pair(args, kwargs)
            if not (call.by_hand and call.task == "classes" and prediction.ndim != MATRIX):  # (N, C)
                pairs.append((prediction.detach().clone(), target.detach().clone()))
        if not evaluation and op.name in ACTIVATIONS and isinstance(result, Tensor):
            activations.append((op, result.detach().clone()))

    try:
        with torch.no_grad():
            loss = float(recording.run({}, evaluation=evaluation, watch=watch))
    except Stale as stale:
        raise Unavailable(str(stale)) from None
    return Forward(recording, loss, pairs[0] if pairs else None, tuple(activations))


Measurement = Iterator[Reading | Fact | Note]


@dataclass(frozen=True)
class Probe:
    """One measurement: its name, its unit, when it is due, and what it costs relative to a training step."""

    name: str
    unit: str
    measure: Callable[[Snapshot], Measurement]
    dear: bool = False  # taken on the sparse schedule only
    differentiates: bool = False  # whether it takes the derivative of what was recorded
    piecewise: bool = False  # whether what it yields is sent at once, and not all or nothing
    for_trials: bool = False  # whether nothing but a trial can make something of it
    once: bool = False  # taken when the monitor batches are complete, and at the first step
    at_end: bool = False  # taken when the run is over, and at no other time


def no_grad_float(tensor: Tensor) -> Tensor:
    """Return the values in float32 or float64, detached."""
    tensor = tensor.detach()
    return tensor if tensor.dtype == torch.float64 else tensor.float()
