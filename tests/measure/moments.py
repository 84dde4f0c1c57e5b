"""Builds a `Moment` from a network and its batches, as a run does just after a backward pass."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.measure import Snapshot
from descend.doctor.record import Fact, Reading, Record, Site
from descend.doctor.tape import Origin, Recording, Tape
from descend.doctor.tape.vocabulary import INTERESTING

Step = Callable[[], Tensor]


def origin(frame: FrameType | None) -> Origin:
    """The innermost module whose forward is running."""
    while frame is not None:
        if frame.f_code.co_name == "forward" and isinstance(frame.f_locals.get("self"), nn.Module):
            return Origin(None, frame.f_locals["self"])
        frame = frame.f_back
    return Origin(None, None)


def located(frame: FrameType) -> Origin:
    """The running module and the user's line, as a run takes them."""
    return Modules(SourceTree(), lambda messages: None).origin(frame)


def record(
    step: Step, origin: Callable[[FrameType], Origin] = origin, interesting: Container[str] = INTERESTING
) -> Recording:
    tape = Tape(interesting, origin)
    tape.start()
    try:
        return tape.finalise(step())
    finally:
        tape.pause()


@dataclass
class Training:
    """A network, the losses of its batches, and an optimizer."""

    net: nn.Module
    steps: Sequence[Step]
    optimizer: torch.optim.Optimizer | None = None
    step: int = 0
    backwards: int = 1
    memory: dict[str, Any] = field(default_factory=dict)
    origin: Callable[[FrameType], Origin] = origin
    interesting: Container[str] = INTERESTING
    noted: dict[tuple[str, str], tuple[Site | None, str]] = field(default_factory=dict)  # sites, by kind and key

    def __post_init__(self) -> None:
        self.monitor = tuple(record(step, self.origin, self.interesting) for step in self.steps)

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        return tuple(p for p in self.net.parameters() if p.requires_grad)

    def train(self, steps: int = 1) -> None:
        assert self.optimizer is not None
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.steps[self.step % len(self.steps)]().backward()
            self.optimizer.step()
            self.step += 1

    def snapshot(self, **changes: Any) -> Snapshot:
        names = {id(p): n for n, p in self.net.named_parameters()}
        modules = {id(m): n for n, m in self.net.named_modules()}
        given = {
            "step": self.step,
            "key": "0",
            "optimizer": self.optimizer,
            "parameters": self.parameters,
            "names": names,
            "gradients": tuple(p.grad for p in self.parameters),
            "backwards": self.backwards,
            "recording": None,
            "monitor": self.monitor,
            "modules": lambda module: modules.get(id(module), type(module).__name__),
            "made_at": lambda module: None,
            "memory": self.memory,
            "note_site": self._note_site,
        }
        return Snapshot(**(given | changes))

    def _note_site(self, kind: str, key: str, site: Site | None, detail: str) -> None:
        self.noted.setdefault((kind, key), (site, detail))


def readings(found: Sequence[Reading | Fact]) -> dict[tuple[str, str], float]:
    return {(r.name, r.place): r.value for r in found if isinstance(r, Reading)}


def kept(found: Iterable[Reading | Fact]) -> Record:
    """Return a record of the facts that a measurement has yielded."""
    record = Record()
    record.extend(found)
    return record
