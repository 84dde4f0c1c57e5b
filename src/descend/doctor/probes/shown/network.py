"""The network of a script at one point of its run: its cost as a function of all parameters, and its hidden layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from descend.doctor.probes.hidden import Structure, structure
from descend.doctor.probes.judging import judged, share_wrong
from descend.doctor.probes.shown.points import Point, looked_on
from descend.doctor.probes.snapshot import Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording, without_dropout
from descend.landscape import Loss, LossOfOutputs
from descend.landscape.loss import Theta


@dataclass(frozen=True)
class Network:
    """The network at one point of a run. start: what the moment's parameters were when the run began."""

    snapshot: Snapshot
    point: Point
    start: tuple[Tensor, ...]

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """The fixed examples, with dropout off."""
        return tuple(map(without_dropout, looked_on(self.snapshot)))

    @cached_property
    def structure(self) -> Structure:
        """Its hidden layers."""
        return structure(self.recordings[0])

    @cached_property
    def loss(self) -> Loss:
        """The cost of all parameters in use, frozen ones among them."""
        return self.loss_of(self.recordings)

    def loss_of(self, recordings: tuple[Recording, ...]) -> Loss:
        """Return the same cost of other examples."""
        try:
            return LossOfOutputs.of([judged(recording, self.slots(recording)) for recording in recordings])
        except Unavailable:  # what the loss judges is not seen
            parts = [recording.loss(self.structure.parameters).parts for recording in recordings]
            return Loss(tuple(part for each in parts for part in each))

    @cached_property
    def theta(self) -> list[Tensor]:
        """The parameters at the point; those that another optimizer holds as they are."""
        return self._with(self.point.theta)

    @cached_property
    def beginning(self) -> list[Tensor]:
        """The parameters that the run began with."""
        return self._with(self.start)

    def _with(self, values: Theta) -> list[Tensor]:
        known = {id(p): value for p, value in zip(self.snapshot.parameters, values)}
        return [known.get(id(p), p.detach()) for p in self.structure.parameters]

    @cached_property
    def trained(self) -> list[int]:
        """The numbers of the parameters that the optimizer holds."""
        held = {id(p) for p in self.snapshot.parameters}
        return [number for number, p in enumerate(self.structure.parameters) if id(p) in held]

    def with_trained(self, values: Theta) -> list[Tensor]:
        """Return all parameters: those that the optimizer holds as given, the others as the run began."""
        at = list(self.beginning)
        for number, tensor in zip(self.trained, values):
            at[number] = tensor
        return at

    def slots(self, recording: Recording) -> list[int | None]:
        """Return where a recording has the parameters."""
        slot_of = {id(tensor): slot for slot, tensor in recording.parameters.items()}
        return [slot_of.get(id(p)) for p in self.structure.parameters]

    def share_wrong(self, recordings: Sequence[Recording], theta: Theta) -> float:
        """Return the share of all examples on the wrong side. Raises `Unavailable` where there are no sides."""
        each = [(recording.examples, share_wrong(recording, self.slots(recording), theta)) for recording in recordings]
        return sum(count * share for count, share in each) / sum(count for count, _ in each)

    def name(self, number: int | None) -> str:
        """Return the name of the layer whose weight has that number."""
        if number is None:
            return "several layers"
        return self.snapshot.name(self.structure.parameters[number]).removesuffix(".weight")

    @property
    def described(self) -> facts.SymmetryPoint:
        """How large it is, on how many examples it is looked at, and its cost."""
        recordings = self.recordings
        numel = sum(p.numel() for p in self.structure.parameters)
        examples = sum(r.examples for r in recordings)
        return facts.SymmetryPoint(numel, examples, len(recordings), self.loss.value(self.theta))

    def fact(self, seen: Any) -> Fact:
        """Return what was found at this point, one of the types of `facts`, as it is sent."""
        return self.point.fact(seen)
