"""Grow the batch instead of decaying the learning rate: the same noise scale, fewer steps (Smith et al. 2018)."""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from torch.utils.data import Sampler


class GrowingBatches(Sampler[list[int]]):
    """Batches whose size follows a schedule of the step: `batch_size` times its factor, at most `most`.

    Where a learning rate would be divided by 5, the batch is multiplied by 5: SGD's noise scale is lr·N/B (Smith et
    al. 2018, eq. 2). All examples of the sampler are in each epoch; the last batch of it may be smaller. A schedule
    is one of `descend.schedules`, or any function of the step. `state_dict` holds the step, and the sampler's state
    where it has one. Raises `ValueError` for a batch of less than one example.

    >>> batches = GrowingBatches(Reshuffled(len(dataset)), batch_size=2, schedule=Step(100, decay=5), most=8)
    >>> loader = DataLoader(dataset, batch_sampler=batches)
    """

    def __init__(
        self, sampler: Sampler[int], batch_size: int, schedule: Callable[[int], float], most: int | None = None
    ) -> None:
        if batch_size < 1 or (most is not None and most < batch_size):
            raise ValueError(f"GrowingBatches: it needs 1 <= batch_size <= most, not {batch_size} and {most}")
        self.sampler, self.batch_size, self.schedule, self.most, self.step = sampler, batch_size, schedule, most, 0

    def size(self, step: int) -> int:
        """Return the size of the batch of a step."""
        size = min(self.batch_size * self.schedule(step), math.inf if self.most is None else self.most)
        if not 0.5 < size < math.inf:
            raise ValueError(f"GrowingBatches: at step {step} the schedule asks for a batch of {size:.3g} examples")
        return round(size)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of one epoch."""
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.size(self.step))):
            self.step += 1
            yield batch

    def __len__(self) -> int:
        """Return the number of batches in an epoch that begins at the present step."""
        left, step = len(self.sampler), self.step  # type: ignore[arg-type]
        while left > 0:
            left -= self.size(step)
            step += 1
        return step - self.step

    def state_dict(self) -> dict[str, Any]:
        """Return the step, and the sampler's state where it has one."""
        inner = self.sampler.state_dict() if hasattr(self.sampler, "state_dict") else None
        return {"step": self.step, "sampler": inner}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint was."""
        self.step = state["step"]
        if state["sampler"] is not None:
            self.sampler.load_state_dict(state["sampler"])  # type: ignore[attr-defined]
