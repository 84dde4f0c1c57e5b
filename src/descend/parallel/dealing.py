"""Batches dealt out as processes come for them: a slow one takes fewer, and no example is left to it."""

import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch.distributed as dist
from torch.utils.data import DataLoader

from descend.parallel import group
from descend.parallel.shares import shared, with_batches


class Batches(Protocol):
    """The batches of a pass, in the same order in every process."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[list[Any]]: ...


class Dealt:
    """A batch sampler: each process takes the next batch of a pass that none has taken, until all are.

    Its length is what one of equal processes takes. attend: told when this process begins a pass, and when it finds
    no more batches.
    """

    def __init__(self, batches: Batches, attend: Callable[[bool], object] = lambda attends: None) -> None:
        self.batches, self.attend = batches, attend
        self.passes = 0
        self._name = group.first_says(f"dealt {uuid.uuid4().hex}")
        self._under_way: deque[int] = deque()  # batches that were drawn and are not yet stepped on

    def __len__(self) -> int:
        return -(-len(self.batches) // dist.get_world_size())

    def __iter__(self) -> Iterator[list[Any]]:
        batches = list(self.batches)
        self.passes += 1
        self._under_way.clear()
        self.attend(True)
        while (number := self._taken(len(batches))) is not None:
            self._under_way.append(number)
            yield batches[number]
        self.attend(False)

    def stepped(self, counted: bool) -> None:
        """Tell of the first batch under way whether its gradient has counted; if not, it is dealt out once more."""
        number = self._under_way.popleft()
        if not counted:
            place = group.store().add(self._key("returned"), 1)
            group.store().set(self._key(f"returned {place}"), str(number))

    def _taken(self, batches: int) -> int | None:
        store = group.store()
        if (number := store.add(self._key("dealt"), 1) - 1) < batches:
            return number
        for place in range(1, store.add(self._key("returned"), 0) + 1):
            if store.add(self._key(f"taken {place}"), 1) == 1:  # by nobody else
                return int(store.get(self._key(f"returned {place}")))
        return None

    def _key(self, what: str) -> str:
        return f"{self._name} {self.passes} {what}"


def dealt_out(loader: DataLoader[Any], seed: int) -> DataLoader[Any]:
    """Return a loader that deals the batches of another one out, in an order that all processes draw from one seed."""
    every: Any = shared(loader, 0, 1, whole=True, seed=seed).batch_sampler
    return with_batches(loader, Dealt(every))
