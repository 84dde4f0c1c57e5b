"""Split the data over replicas: either each mini-batch, or the sequence of mini-batches."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset


class ShareSampler:
    """A batch sampler that yields one replica's share of each batch of another sampler.

    whole: if true, each replica takes whole batches in turn, for asynchronous training. Otherwise it takes a part of
    each batch, so that all replicas together step on the same batches as one process. All replicas use the same seed,
    which gives another order in each epoch.
    """

    def __init__(self, batches: Any, replica: int, replicas: int, *, whole: bool, seed: int) -> None:
        self.batches, self.replica, self.replicas, self.whole, self.seed = batches, replica, replicas, whole, seed
        self.passes = 0
        self._order = torch.Generator()
        sampler: Any = getattr(batches, "sampler", None)
        if hasattr(sampler, "generator"):
            sampler.generator = self._order
        self.weights: list[float] = []  # loss weights of batches that have been drawn but not yet used for a step

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
                    f"a batch of size {len(batch)} cannot be split over {self.replicas} replicas. Use "
                    "drop_last=True in the DataLoader to leave it out"
                )
            share = list(batch)[self.replica :: self.replicas]
            self.weights.append(len(share) * self.replicas / len(batch))
            yield share

    def take_weight(self) -> float:
        """Return and remove the loss weight of the oldest drawn batch: its size relative to the mean of all shares."""
        return self.weights.pop(0) if self.weights else 1.0


def with_shares(loader: DataLoader[Any], replica: int, replicas: int, *, whole: bool, seed: int) -> DataLoader[Any]:
    """Return a loader that yields only this replica's share of the batches of another loader.

    Raises `ValueError` for an iterable data set, which cannot be split by index.
    """
    if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
        raise ValueError(
            "a loader without batches, or of an iterable dataset, cannot be divided among processes. Let the dataset "
            "itself yield each process's part, or use a dataset with indices and a batch size"
        )
    return with_batches(loader, ShareSampler(loader.batch_sampler, replica, replicas, whole=whole, seed=seed))


def with_batches(loader: DataLoader[Any], batches: Any) -> DataLoader[Any]:
    """Return a copy of a loader that uses another batch sampler."""
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


class GlobalBatches:
    """The batches of all processes with a `DistributedSampler`, in the same order in every process.

    Raises `ValueError` for a loader with another sampler or without a batch size.
    """

    def __init__(self, loader: DataLoader[Any], processes: int = 1) -> None:
        """Use the loader's sampler; each global batch has `processes` times the loader's batch size."""
        if not isinstance(loader.sampler, DistributedSampler) or loader.batch_size is None:
            raise ValueError("the loader must have a DistributedSampler and a batch size")
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


def draw_batch(loader: DataLoader[Any]) -> Any:
    """Return one batch of a loader, without changing the state of torch's random number generator."""
    with torch.random.fork_rng(devices=[]):
        drawn: Any = next(iter(loader.batch_sampler or []))
        return loader.collate_fn([loader.dataset[k] for k in drawn])
