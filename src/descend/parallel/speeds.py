"""Split each batch in proportion to the processes' speeds, so that no process waits for the slowest."""

from collections.abc import Iterator, Sequence
from math import floor
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from descend.parallel.shares import GlobalBatches, with_batches


def share_by_speed(loader: DataLoader[Any], model: DistributedDataParallel, speeds: Sequence[float]) -> DataLoader[Any]:
    """Return a loader that gives this process a share of each global batch, in proportion to the process's speed.

    The processes together train on the same examples as before. `model` weights each gradient by the number of
    examples, so the loss must be a mean over examples, with one backward pass per batch.

    Parameters
    ----------
    loader : DataLoader
        The loader of the training data, with a `DistributedSampler`.
    model : DistributedDataParallel
        The model.
    speeds : sequence of float
        The speed of each process, in any unit.

    Returns
    -------
    DataLoader
        The loader of this process.

    Raises
    ------
    ValueError
        If there is not one positive speed per process, if the loader has no `DistributedSampler`, or if a process would
        get no example.
    """
    world = dist.get_world_size()
    if len(speeds) != world or not all(0 < speed < float("inf") for speed in speeds):
        raise ValueError(f"speeds must have one number above 0 per process ({world}), not {tuple(speeds)}")
    batches = SharesBySpeed(GlobalBatches(loader, world), tuple(speeds), dist.get_rank())
    model.register_comm_hook(batches, _weighted_all_reduce)
    return with_batches(loader, batches)


class SharesBySpeed:
    """A batch sampler that yields this process's share of each global batch, in proportion to its speed."""

    def __init__(self, together: GlobalBatches, speeds: tuple[float, ...], rank: int) -> None:
        self.together, self.speeds, self.rank = together, speeds, rank
        self.weights: list[float] = []  # gradient weights of batches that have been drawn but not yet used for a step
        examples_per_process(together.size, speeds)

    def __len__(self) -> int:
        return len(self.together)

    def __iter__(self) -> Iterator[list[int]]:
        self.weights.clear()
        for batch in self.together:
            sizes = examples_per_process(len(batch), self.speeds)
            self.weights.append(sizes[self.rank] * len(sizes) / len(batch))
            first = sum(sizes[: self.rank])
            yield batch[first : first + sizes[self.rank]]


def examples_per_process(examples: int, speeds: Sequence[float]) -> list[int]:
    """Divide examples among processes in proportion to their speeds; return the number for each, at least 1.

    Raises `ValueError` if there are fewer examples than processes.
    """
    if examples < len(speeds):
        raise ValueError(f"{examples} examples cannot be divided among {len(speeds)} processes")
    spare = examples - len(speeds)
    exact = [max(0.0, examples * speed / sum(speeds) - 1) for speed in speeds]
    exact = [part * spare / sum(exact) if spare else 0.0 for part in exact]
    sizes = [floor(part) for part in exact]
    left = sorted(range(len(speeds)), key=lambda k: sizes[k] - exact[k])
    for k in left[: spare - sum(sizes)]:
        sizes[k] += 1
    return [1 + size for size in sizes]


def _weighted_all_reduce(batches: SharesBySpeed, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """Multiply a bucket of gradients by this process's weight, and start the bucket's all-reduce."""
    weight = batches.weights[0] if batches.weights else 1.0
    if bucket.is_last() and batches.weights:
        batches.weights.pop(0)
    bucket.buffer().mul_(weight)
    return allreduce_hook(None, bucket)  # type: ignore[arg-type]  # The default process group is used.
