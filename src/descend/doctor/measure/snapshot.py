"""The input of a measurement: one moment of a run, after a backward pass and before the optimizer step."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from descend.doctor.measure.loss_call import loss_call, module_of
from descend.doctor.record import Fact, Note, Reading, Site, SiteKind
from descend.doctor.record.task import Task
from descend.doctor.tape import Op, Recording, StaleData
from descend.doctor.tape.vocabulary import ACTIVATIONS
from descend.landscape.loss import Hessian

MATRIX = 2  # number of dimensions of class scores with the shape (N, C)


class Unavailable(Exception):
    """Raised if a quantity cannot be measured; the message is the reason."""


@dataclass(frozen=True)
class Forward:
    """The results of one recording that was replayed at the present parameters."""

    recording: Recording
    loss: float
    pair: tuple[Tensor, Tensor] | None  # prediction and target of the only loss call
    activations: tuple[tuple[Op, Tensor], ...]  # each activation call with its output; empty in evaluation mode


@dataclass(frozen=True)
class Snapshot:
    """The state of one optimizer's training at one step."""

    step: int  # the number of optimizer steps taken before this one
    key: str  # the name of the optimizer in the record
    optimizer: Optimizer | None  # the optimizer; None if the script updates its parameters by hand
    parameters: tuple[Tensor, ...]  # the parameters that this loss uses and the optimizer holds
    names: Mapping[int, str]  # id of a parameter -> its qualified name
    # gradients of this backward pass alone, unscaled, in the order of `parameters`
    gradients: tuple[Tensor | None, ...]
    backwards: int  # the number of backward passes per step (gradient accumulation)
    recording: Recording | None  # the computation of this step's loss; None if it could not be recorded
    monitor: tuple[Recording, ...]  # recordings of the first batches, whose examples stay the fixed examples
    modules: Callable[[nn.Module], str]  # returns the qualified name of a module
    made_at: Callable[[nn.Module], Site | None]  # returns the line that constructed a module
    memory: dict[str, Any] = field(default_factory=dict)  # data that measurements keep from one snapshot to the next
    go_on: Callable[[int], bool] = lambda products: True  # whether there is time for another Hessian-vector product
    note_site: Callable[[SiteKind, str, Site | None, str], None] = lambda kind, key, site, detail: None
    is_held: Callable[[Tensor], bool] = lambda parameter: True  # returns whether any optimizer holds a parameter
    asked: Mapping[str, Any] = field(default_factory=dict)  # the request of `descend show`, if there is one
    is_last: bool = False  # whether the run has ended
    loader: Callable[[str], Any] = lambda number: None  # returns the script's loader with the given number
    climbs: bool = False  # whether the optimizer steps increase the loss
    has_time: Callable[[], bool] = lambda: True  # whether a long measurement may continue
    report: Callable[[Fact], None] = lambda fact: None  # sends a fact at once, while a measurement is running
    averaged: Callable[[Hessian], Hessian] = lambda hessian: hessian  # averages a Hessian over all ranks

    def name(self, parameter: Tensor) -> str:
        """Return a parameter's qualified name, or its number in the optimizer."""
        known = self.names.get(id(parameter))
        if known is not None:
            return known
        return f"parameter {[id(p) for p in self.parameters].index(id(parameter))}"

    def recordings(self) -> tuple[Recording, ...]:
        """Return the recordings of the fixed examples, or of this step alone. Raises `Unavailable` without either."""
        found = self.monitor or ((self.recording,) if self.recording else ())
        if not found:
            raise Unavailable("the step could not be recorded")
        return found

    @cached_property
    def trained(self) -> tuple[Forward, ...]:
        """The forward passes of the fixed examples in the mode that the script has set. Raises `Unavailable`."""
        return tuple(forward(recording, evaluation=False) for recording in self.recordings())

    @cached_property
    def evaluated(self) -> tuple[Forward, ...]:
        """The forward passes of the fixed examples in evaluation mode. Raises `Unavailable`."""
        return tuple(forward(recording, evaluation=True) for recording in self.recordings())


def activation_site(snapshot: Snapshot, op: Op) -> tuple[Site | None, str]:
    """Return the line that constructs an activation's module, and its class; or the line and name of its call."""
    module = module_of(op)
    if module is not None and not list(module.children()) and type(module).__module__.startswith("torch.nn"):
        return snapshot.made_at(module), type(module).__name__
    return op.site, op.name


def forward(recording: Recording, *, evaluation: bool) -> Forward:
    """Replay a recording at the present parameters. Raises `Unavailable` if its data have changed."""
    call = loss_call(recording)
    pairs: list[tuple[Tensor, Tensor]] = []
    activations: list[tuple[Op, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the prediction and target of the loss call, and the outputs of activations."""
        if call is not None and op is call.op:
            prediction, target = call.pair(args, kwargs)
            # A handwritten loss over classes needs scores of the shape (N, C).
            if not (call.by_hand and call.task == Task.CLASSES and prediction.ndim != MATRIX):
                pairs.append((prediction.detach().clone(), target.detach().clone()))
        if not evaluation and op.name in ACTIVATIONS and isinstance(result, Tensor):
            activations.append((op, result.detach().clone()))

    try:
        with torch.no_grad():
            loss = float(recording.run({}, evaluation=evaluation, watch=watch))
    except StaleData as stale:
        raise Unavailable(str(stale)) from None
    return Forward(recording, loss, pairs[0] if pairs else None, tuple(activations))


Measurement = Iterator[Reading | Fact | Note]


@dataclass(frozen=True)
class Probe:
    """A measurement: its name, unit and function, when it runs, and what it requires."""

    name: str
    unit: str
    measure: Callable[[Snapshot], Measurement]
    dear: bool = False  # whether the measurement is expensive and follows the sparse schedule
    differentiates: bool = False  # whether the measurement differentiates the recorded loss
    piecewise: bool = False  # whether each fact is sent as soon as it is known
    for_trials: bool = False  # whether only trials use the facts
    once: bool = False  # whether it runs only at the first step and when all fixed examples are known
    at_end: bool = False  # whether the measurement runs only at the end of the run
    # whether it shows a wrong connection of model, loss and optimizer, so that a watched run makes it at an early step
    wiring: bool = False


def no_grad_float(tensor: Tensor) -> Tensor:
    """Return a tensor's values without a graph, in float32 or float64."""
    tensor = tensor.detach()
    return tensor if tensor.dtype == torch.float64 else tensor.float()
