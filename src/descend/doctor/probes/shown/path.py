"""The way of a run through its parameters: some of its weights from the first step on, evenly spaced."""

from dataclasses import dataclass, field

from torch import Tensor

from descend.doctor.probes.snapshot import Snapshot, Unavailable

ROOM_BYTES = 2**29  # for all weights that are kept,
MOST, LEAST = 64, 4  # and so many points of the way


@dataclass
class Path:
    """Weights and the steps at which they were taken; the one at `always` is kept whatever comes after."""

    always: int | None
    steps: list[int] = field(default_factory=list)
    weights: list[tuple[Tensor, ...]] = field(default_factory=list)
    stride: int = 1

    def follow(self, snapshot: Snapshot) -> None:
        """Take the present weights in where they are due. Raises `Unavailable` where a few would take too much room."""
        size = sum(p.numel() * p.element_size() for p in snapshot.parameters)
        room = min(MOST, ROOM_BYTES // max(size, 1))
        if room < LEAST:
            amount = f"{LEAST * size / 2**30:.1f} GiB, more than {ROOM_BYTES / 2**30:.1f}"
            raise Unavailable(f"{LEAST} points of the path would take {amount}: show other directions")
        if self.weights and [t.shape for t in self.weights[-1]] != [p.shape for p in snapshot.parameters]:
            self.steps, self.weights, self.stride = [], [], 1  # a layer was frozen, or another added
        if self.steps and self.steps[-1] >= snapshot.step:
            return
        if self._is_due(snapshot.step) or snapshot.is_last:
            self.steps.append(snapshot.step)
            self.weights.append(tuple(p.detach().to("cpu", copy=True) for p in snapshot.parameters))
        while len(self.steps) > room:
            self.stride *= 2
            kept = [k for k, step in enumerate(self.steps) if self._is_due(step) or step == snapshot.step]
            self.steps, self.weights = [self.steps[k] for k in kept], [self.weights[k] for k in kept]

    def _is_due(self, step: int) -> bool:
        return step % self.stride == 0 or step == self.always
