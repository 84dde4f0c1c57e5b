"""The path of a run through parameter space: its weights at evenly spaced steps, from the first on."""

from dataclasses import dataclass, field

from torch import Tensor

from descend.doctor.measure.snapshot import Snapshot, Unavailable

ROOM_BYTES = 2**29  # memory limit for all kept weights, in bytes
MOST, LEAST = 64, 4  # the largest and the smallest number of steps whose weights are kept


@dataclass
class Path:
    """The weights of a run at evenly spaced steps, and at the step `always`, which is kept in any case."""

    always: int | None
    steps: list[int] = field(default_factory=list)
    weights: list[tuple[Tensor, ...]] = field(default_factory=list)
    stride: int = 1

    def keep_weights(self, snapshot: Snapshot) -> None:
        """Keep the present weights if the path includes this step. Raises `Unavailable` if too few fit in memory."""
        size = sum(p.numel() * p.element_size() for p in snapshot.parameters)
        room = min(MOST, ROOM_BYTES // max(size, 1))
        if room < LEAST:
            amount = f"{LEAST * size / 2**30:.1f} GiB, more than {ROOM_BYTES / 2**30:.1f}"
            raise Unavailable(f"{LEAST} points of the path would take {amount}; choose other --directions")
        if self.weights and [t.shape for t in self.weights[-1]] != [p.shape for p in snapshot.parameters]:
            self.steps, self.weights, self.stride = [], [], 1  # A layer was frozen or added since the last point.
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
        """Return whether the weights at a step belong to the path."""
        return step % self.stride == 0 or step == self.always
