"""Each replica's share of the data: of every mini-batch, or of the mini-batches."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset


class Shares:
    """A batch sampler that gives one replica its share of what another one draws.

    whole: each replica takes every so-manieth batch as it is, as asynchronous replicas do; else its part of each, so
    that together they step on the same batches as one process would. The order is drawn from one seed in all replicas,
    another in each pass.
    """

    def __init__(self, batches: Any, replica: int, replicas: int, *, whole: bool, seed: int) -> None:
        self.batches, self.replica, self.replicas, self.whole, self.seed = batches, replica, replicas, whole, seed
        self.passes = 0
        self._order = torch.Generator()
        sampler: Any = getattr(batches, "sampler", None)
        if hasattr(sampler, "generator"):
            sampler.generator = self._order
        self.weights: list[float] = []  # of the batches that were drawn and are not yet stepped on

    def __len__(self) -> int:
        return len(self.batches) // self.replicas if self.whole else len(self.batches)

    def __iter__(self) -> Iterator[list[Any]]:
        self._order.manual_seed(self.seed + self.passes)
        self.passes += 1
        self.weights.clear()
        for number, batch in enumerate(self.batches):
            if self.whole:
                if number % self.replicas == self.replica and number // self.replicas < len(self):
                    yield batch
                continue
            if len(batch) < self.replicas:
                raise ValueError(
                    f"a batch of {len(batch)} cannot be split over {self.replicas} replicas: drop_last=True in the "
                    "DataLoader leaves it out"
                )
            share = list(batch)[self.replica :: self.replicas]
            self.weights.append(len(share) * self.replicas / len(batch))
            yield share

    def weight(self) -> float:
        """Of the next batch that is stepped on: this replica's share of it over the mean share."""
        return self.weights.pop(0) if self.weights else 1.0


def shared(loader: DataLoader[Any], replica: int, replicas: int, *, whole: bool, seed: int) -> DataLoader[Any]:
    """Return a loader that gives this replica its share of the batches of another.

    Raises `ValueError` for a data set that is a stream, which only its author can divide.
    """
    if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
        raise ValueError(
            "a stream of data, or a loader without batches, cannot be divided from outside: let the data set yield "
            "each process its own part, and give no loader"
        )
    return with_batches(loader, Shares(loader.batch_sampler, replica, replicas, whole=whole, seed=seed))


def with_batches(loader: DataLoader[Any], batches: Any) -> DataLoader[Any]:
    """Return a loader like another one that draws its batches from another batch sampler."""
    return DataLoader(
        loader.dataset,
        batch_sampler=batches,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )


class DrawnTogether:
    """What all processes of a `DistributedSampler` draw in a pass, one after the other in turn, so many at a time.

    Raises `ValueError` for a loader with another sampler, which does not know of the other processes.
    """

    def __init__(self, loader: DataLoader[Any], processes: int = 1) -> None:
        """processes: so many draw a batch at a time."""
        if not isinstance(loader.sampler, DistributedSampler) or loader.batch_size is None:
            raise ValueError("only a loader with a DistributedSampler and a batch size can be shared out anew")
        self.sampler, self.drop_last = loader.sampler, loader.drop_last
        self.size = loader.batch_size * processes

    def __len__(self) -> int:
        whole, rest = divmod(self.sampler.total_size, self.size)
        return whole if self.drop_last else whole + bool(rest)

    def __iter__(self) -> Iterator[list[int]]:
        own = self.sampler
        one: Any = DistributedSampler(own.dataset, 1, 0, shuffle=own.shuffle, seed=own.seed)
        one.set_epoch(own.epoch)
        order = list(one)
        order = (order * -(-own.total_size // len(order)))[: own.total_size]
        for number in range(len(self)):
            yield order[number * self.size :][: self.size]


def sample(loader: DataLoader[Any]) -> Any:
    """Return one batch as a loader gives them, and leave torch's random numbers as they were."""
    with torch.random.fork_rng(devices=[]):
        drawn: Any = next(iter(loader.batch_sampler or []))
        return loader.collate_fn([loader.dataset[k] for k in drawn])
