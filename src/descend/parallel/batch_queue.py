"""Dynamic assignment of batches to processes: a slow process takes fewer batches, so faster ones do not wait."""

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch.distributed as dist
from torch.utils.data import DataLoader

from descend.parallel import group
from descend.parallel.shares import with_batches, with_shares


class Batches(Protocol):
    """The batches of an epoch, as lists of indices, in the same order in every process."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[list[Any]]: ...


class BatchQueue:
    """A batch sampler that gives each process the epoch's next free batch, until no free batch is left.

    Its length is the number of batches per process if all are equally fast. attend: called with True when this process
    begins an epoch, and with False when no free batch is left.
    """

    def __init__(self, batches: Batches, attend: Callable[[bool], object] = lambda attends: None) -> None:
        self.batches, self.attend = batches, attend
        self.passes = 0
        self._name = group.broadcast_from_first(f"dealt {uuid.uuid4().hex}")
        # Indices of batches that this process has drawn but not yet used for a step.
        self._under_way: deque[int] = deque()

    def __len__(self) -> int:
        return -(-len(self.batches) // dist.get_world_size())

    def __iter__(self) -> Iterator[list[Any]]:
        batches = list(self.batches)
        self.passes += 1
        self._under_way.clear()
        self.attend(True)
        while (number := self._next_index(len(batches))) is not None:
            self._under_way.append(number)
            yield batches[number]
        self.attend(False)

    def report_step(self, counted: bool) -> None:
        """Report whether the gradient of the oldest drawn batch was used. An unused batch is assigned again."""
        number = self._under_way.popleft()
        if not counted:
            place = group.store().add(self._counter_key("returned"), 1)
            group.store().set(self._counter_key(f"returned {place}"), str(number))

    def _next_index(self, batches: int) -> int | None:
        """Reserve a free batch for this process, and return its index; None if no free batch is left."""
        store = group.store()
        if (number := store.add(self._counter_key("dealt"), 1) - 1) < batches:
            return number
        for place in range(1, store.add(self._counter_key("returned"), 0) + 1):
            # The store's counter is 1 only for the first process that takes this batch.
            if store.add(self._counter_key(f"taken {place}"), 1) == 1:
                return int(store.get(self._counter_key(f"returned {place}")))
        return None

    def _counter_key(self, what: str) -> str:
        """Return the key under which the key-value store has a counter of the current epoch."""
        return f"{self._name} {self.passes} {what}"


def with_batch_queue(loader: DataLoader[Any], seed: int) -> DataLoader[Any]:
    """Return a loader that assigns batches to processes dynamically, in an order that the seed determines."""
    every: Any = with_shares(loader, 0, 1, whole=True, seed=seed).batch_sampler
    return with_batches(loader, BatchQueue(every))
