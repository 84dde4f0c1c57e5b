"""What a script's loader would deal next, and all that it could deal, at the weights of one point."""

import copy
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.tape import Recording
from descend.doctor.tape.randomness import RandomState
from descend.doctor.tape.selection import NotSeparable, on_batch
from descend.landscape import Gradients, Loss
from descend.landscape.gradients import room
from descend.landscape.vectors import flat

MOST_BATCHES = 64  # drawn,
SHARE = 0.5  # and no more than so much of an epoch: the mean over a whole one says nothing of how it is dealt
LONGEST_S = 60.0  # for the gradient of all examples


class Dealt:
    """The gradients of a loader's batches at some weights: of those drawn next, and of all its examples."""

    def __init__(self, recording: Recording, loader: Any, parameters: Sequence[Tensor], *, evaluation: bool) -> None:
        """Raise `Unavailable` for a loader without a list of examples or without batches of its own."""
        if not recording.loaders:
            raise Unavailable("the batches do not come from a DataLoader, so what they are drawn from is not known")
        if loader is None:
            raise Unavailable("the DataLoader is gone that the batches came from: held by a name, it would be there")
        if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
            raise Unavailable("the loader reads a stream, so what its batches are drawn from is not known")
        self.recording, self.loader, self.parameters = recording, loader, parameters
        self.evaluation = evaluation

    def drawn(self, theta: Sequence[Tensor]) -> Gradients:
        """Return the gradients of the batches that the loader's sampler deals next, on a copy of it."""
        with _undisturbed():
            size, count = self.recording.examples, len(self.loader.dataset)
            most = min(MOST_BATCHES, int(SHARE * count / size))
            rows = room(most, theta)
            dealt = (batch for batch in self._sampler() if len(batch) == size)
            found = 0
            for row, indices in zip(rows, dealt):
                row.copy_(self._gradient(indices, theta))
                found += 1
        return Gradients(rows[:found], size)

    def whole(self, theta: Sequence[Tensor]) -> Tensor:
        """Return the gradient over all examples of the dataset, (p,). Raises `Unavailable` where it takes too long."""
        size, count, began = self.recording.examples, len(self.loader.dataset), time.perf_counter()
        total = torch.zeros(sum(t.numel() for t in theta), dtype=torch.float64)
        with _undisturbed():
            order = torch.randperm(count, generator=torch.Generator().manual_seed(0)).split(size)
            for number, indices in enumerate(order, 1):
                total += self._gradient(indices.tolist(), theta).double().cpu() * (len(indices) / count)
                passed = time.perf_counter() - began
                if number % 16 == 0 and passed / number * len(order) > LONGEST_S:
                    raise Unavailable(
                        f"the gradient of all {count} examples would take {passed / number * len(order):.0f} s"
                    )
        return total

    def _gradient(self, indices: Sequence[int], theta: Sequence[Tensor]) -> Tensor:
        batch = self.loader.collate_fn([self.loader.dataset[i] for i in indices])
        try:
            there = on_batch(self.recording, batch)
            loss: Loss = there.loss(self.parameters, evaluation=self.evaluation)
            return flat(loss.gradient(theta))
        except NotSeparable as reason:
            raise Unavailable(str(reason)) from None

    def _sampler(self) -> Iterator[Sequence[int]]:
        """Deal an epoch from a copy of the batch sampler as it stands; the examples themselves are not copied."""
        dataset = self.loader.dataset
        return iter(copy.deepcopy(self.loader.batch_sampler, {id(dataset): dataset}))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put the random streams of torch, NumPy and Python back at the end."""
    streams, plain = RandomState.now(), random.getstate()
    numpy = sys.modules.get("numpy")
    state = numpy.random.get_state() if numpy else None
    try:
        yield
    finally:
        streams.restore()
        random.setstate(plain)
        if numpy:
            numpy.random.set_state(state)
