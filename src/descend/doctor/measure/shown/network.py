"""The network at one point of a run: its loss as a function of all parameters, and its hidden layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from descend.doctor.measure.hidden import Structure, structure
from descend.doctor.measure.network_outputs import error_rate, outputs_and_loss
from descend.doctor.measure.shown.points import Point, distinct_recordings
from descend.doctor.measure.snapshot import Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording, without_dropout
from descend.landscape import Loss, LossOfOutputs
from descend.landscape.loss import Theta


@dataclass(frozen=True)
class Network:
    """The network at one point of a run; `start` holds the initial values of the optimizer's parameters."""

    snapshot: Snapshot
    point: Point
    start: tuple[Tensor, ...]

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """The recordings of the fixed examples, with dropout disabled."""
        return tuple(map(without_dropout, distinct_recordings(self.snapshot)))

    @cached_property
    def structure(self) -> Structure:
        """The hidden layers of the network, and which of them have permutable units."""
        return structure(self.recordings[0])

    @cached_property
    def loss(self) -> Loss:
        """The loss as a function of all used parameters, including frozen ones."""
        return self.loss_of(self.recordings)

    def loss_of(self, recordings: tuple[Recording, ...]) -> Loss:
        """Return the loss of some recordings as a function of all used parameters."""
        try:
            return LossOfOutputs.of([outputs_and_loss(recording, self.slots(recording)) for recording in recordings])
        except Unavailable:  # The network's outputs are unknown, so the loss is returned without them.
            parts = [recording.loss(self.structure.parameters).parts for recording in recordings]
            return Loss(tuple(part for each in parts for part in each))

    @cached_property
    def theta(self) -> list[Tensor]:
        """The parameters at the point; parameters that other optimizers hold keep their present values."""
        return self._with_optimizer_values(self.point.theta)

    @cached_property
    def initial_parameters(self) -> list[Tensor]:
        """All parameters with the optimizer's at their initial values."""
        return self._with_optimizer_values(self.start)

    def _with_optimizer_values(self, values: Theta) -> list[Tensor]:
        """Return all parameters, with `values` for those that the optimizer holds."""
        known = {id(p): value for p, value in zip(self.snapshot.parameters, values)}
        return [known.get(id(p), p.detach()) for p in self.structure.parameters]

    @cached_property
    def trained(self) -> list[int]:
        """The numbers of the parameters that this optimizer trains, as counted in `structure`."""
        held = {id(p) for p in self.snapshot.parameters}
        return [number for number, p in enumerate(self.structure.parameters) if id(p) in held]

    def with_trained(self, values: Theta) -> list[Tensor]:
        """Return all parameters: the optimizer's parameters as given, and the others with their initial values."""
        at = list(self.initial_parameters)
        for number, tensor in zip(self.trained, values):
            at[number] = tensor
        return at

    def slots(self, recording: Recording) -> list[int | None]:
        """Return the id of each parameter in a recording; None if the recording does not use the parameter."""
        slot_of = {id(tensor): slot for slot, tensor in recording.parameters.items()}
        return [slot_of.get(id(p)) for p in self.structure.parameters]

    def error_rate(self, recordings: Sequence[Recording], theta: Theta) -> float:
        """Return the classification error over all examples. Raises `Unavailable` for targets without classes."""
        each = [(recording.batch_size, error_rate(recording, self.slots(recording), theta)) for recording in recordings]
        return sum(count * share for count, share in each) / sum(count for count, _ in each)

    def name(self, number: int | None) -> str:
        """Return the name of the layer whose weight has the given number."""
        if number is None:
            return "several layers"
        return self.snapshot.name(self.structure.parameters[number]).removesuffix(".weight")

    @property
    def described(self) -> facts.SymmetryPoint:
        """The number of parameters, the number of examples, and the loss at this point."""
        recordings = self.recordings
        numel = sum(p.numel() for p in self.structure.parameters)
        examples = sum(r.batch_size for r in recordings)
        return facts.SymmetryPoint(numel, examples, len(recordings), self.loss.value(self.theta))

    def fact(self, seen: Any) -> Fact:
        """Return a result at this point of the run (an object of a class in `facts`) as a fact."""
        return self.point.fact(seen)
