"""Gradients of the batches that a loader would return next, and of its whole dataset, at the weights of one point."""

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

from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.tape import Recording
from descend.doctor.tape.per_example import NotSeparable, with_batch
from descend.doctor.tape.randomness import RandomState
from descend.landscape import Gradients, Loss
from descend.landscape.gradients import empty_rows
from descend.landscape.vectors import flat

MOST_BATCHES = 64  # largest number of batches that are drawn from a loader
# At most this share of an epoch is drawn, because the mean over a whole epoch does not depend on the order.
SHARE = 0.5
LONGEST_S = 60.0  # time limit for the gradient of all examples, in seconds


class LoaderGradients:
    """The gradients of a loader's next batches and of all its examples, at given weights."""

    def __init__(self, recording: Recording, loader: Any, parameters: Sequence[Tensor], *, evaluation: bool) -> None:
        """Raise `Unavailable` for a loader without a list of examples or without a batch sampler."""
        if not recording.loaders:
            raise Unavailable("the batches do not come from a DataLoader, so their distribution is unknown")
        if loader is None:
            raise Unavailable("the DataLoader of the batches has been deleted: keep it in a variable")
        if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
            raise Unavailable("the loader reads a stream, so the distribution of its batches is unknown")
        self.recording, self.loader, self.parameters = recording, loader, parameters
        self.evaluation = evaluation

    def next_batches(self, theta: Sequence[Tensor]) -> Gradients:
        """Return the gradients of the batches that the loader would return next, drawn from a copy of its sampler."""
        with _keep_random_states():
            size, count = self.recording.batch_size, len(self.loader.dataset)
            most = min(MOST_BATCHES, int(SHARE * count / size))
            rows = empty_rows(most, theta)
            dealt = (batch for batch in self._epoch_batches() if len(batch) == size)
            found = 0
            for row, indices in zip(rows, dealt):
                row.copy_(self._batch_gradient(indices, theta))
                found += 1
        return Gradients(rows[:found], size)

    def full_gradient(self, theta: Sequence[Tensor]) -> Tensor:
        """Return the mean gradient ``(p,)`` over the whole dataset. Raises `Unavailable` if it takes too long."""
        size, count, began = self.recording.batch_size, len(self.loader.dataset), time.perf_counter()
        total = torch.zeros(sum(t.numel() for t in theta), dtype=torch.float64)
        with _keep_random_states():
            order = torch.randperm(count, generator=torch.Generator().manual_seed(0)).split(size)
            for number, indices in enumerate(order, 1):
                total += self._batch_gradient(indices.tolist(), theta).double().cpu() * (len(indices) / count)
                passed = time.perf_counter() - began
                if number % 16 == 0 and passed / number * len(order) > LONGEST_S:
                    raise Unavailable(
                        f"the gradient of all {count} examples would take {passed / number * len(order):.0f} s"
                    )
        return total

    def _batch_gradient(self, indices: Sequence[int], theta: Sequence[Tensor]) -> Tensor:
        """Return the gradient ``(p,)`` of a batch of examples, which are given by their indices."""
        batch = self.loader.collate_fn([self.loader.dataset[i] for i in indices])
        try:
            there = with_batch(self.recording, batch)
            loss: Loss = there.loss(self.parameters, evaluation=self.evaluation)
            return flat(loss.gradient(theta))
        except NotSeparable as reason:
            raise Unavailable(str(reason)) from None

    def _epoch_batches(self) -> Iterator[Sequence[int]]:
        """Yield the batches of an epoch from a copy of the batch sampler; the dataset itself is not copied."""
        dataset = self.loader.dataset
        return iter(copy.deepcopy(self.loader.batch_sampler, {id(dataset): dataset}))


@contextmanager
def _keep_random_states() -> Iterator[None]:
    """Restore the random states of torch, NumPy and Python at the end of the `with` block."""
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
