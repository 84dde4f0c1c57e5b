"""Growing batches in place of a decaying learning rate (Smith et al. 2018)."""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from torch.utils.data import Sampler


class GrowingBatches(Sampler[list[int]]):
    """A batch sampler whose batch size grows: it is `batch_size` times the value of `schedule` at each step.

    Multiplying the batch size by 5 has the effect of dividing the learning rate by 5, since SGD's noise scale is lr·N/B
    (Smith et al. 2018, eq. 2). Each epoch contains all examples of the sampler; its last batch may be smaller.

    Parameters
    ----------
    sampler : torch.utils.data.Sampler
        The sampler that draws the examples.
    batch_size : int
        The first batch size.
    schedule : callable
        One of `descend.schedules`, or any function of the step. Its value multiplies the batch size.
    most : int, optional
        The largest batch size. Default: no limit.

    Raises
    ------
    ValueError
        For a batch size below 1.

    Examples
    --------
    >>> batches = GrowingBatches(Reshuffled(len(dataset)), batch_size=2, schedule=Step(100, decay=5), most=8)
    >>> loader = DataLoader(dataset, batch_sampler=batches)
    """

    def __init__(
        self, sampler: Sampler[int], batch_size: int, schedule: Callable[[int], float], most: int | None = None
    ) -> None:
        if batch_size < 1 or (most is not None and most < batch_size):
            limits = "at least 1" if most is None else f"between 1 and {most}"
            raise ValueError(f"GrowingBatches: batch_size must be {limits}, not {batch_size}")
        self.sampler, self.batch_size, self.schedule, self.most, self.step = sampler, batch_size, schedule, most, 0

    def size(self, step: int) -> int:
        """Return the batch size, the number of examples, at a training step."""
        size = min(self.batch_size * self.schedule(step), math.inf if self.most is None else self.most)
        if not 0.5 < size < math.inf:
            raise ValueError(f"GrowingBatches: the schedule gives a batch size of {size:.3g} at step {step}")
        return round(size)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of one epoch."""
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.size(self.step))):
            self.step += 1
            yield batch

    def __len__(self) -> int:
        """Return the number of batches in an epoch that starts at the current step."""
        left, step = len(self.sampler), self.step  # type: ignore[arg-type]
        while left > 0:
            left -= self.size(step)
            step += 1
        return step - self.step

    def state_dict(self) -> dict[str, Any]:
        """Return the number of batches drawn so far, and the state of the sampler if it has a `state_dict`."""
        inner = self.sampler.state_dict() if hasattr(self.sampler, "state_dict") else None
        return {"step": self.step, "sampler": inner}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""
        self.step = state["step"]
        if state["sampler"] is not None:
            self.sampler.load_state_dict(state["sampler"])  # type: ignore[attr-defined]
