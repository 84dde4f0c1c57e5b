"""Shares of each batch that go with the speed of the processes, so that none waits for the slowest."""

from collections.abc import Iterator, Sequence
from math import floor
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from descend.parallel.shares import DrawnTogether, with_batches


def share_by_speed(loader: DataLoader[Any], model: DistributedDataParallel, speeds: Sequence[float]) -> DataLoader[Any]:
    """Return a loader that gives this process its part of what all processes draw in a step, by their speeds.

    speeds: of each process of the group, in any unit. Together the processes step on the same examples as before, and
    `model` weighs their gradients by how many each has, so the loss has to be a mean over the examples. One backward
    pass a batch. Raises `ValueError` for another number of speeds than processes, for a speed that is not above 0, and
    for a loader without a `DistributedSampler` or with a batch size that leaves a process without an example.
    """
    world = dist.get_world_size()
    if len(speeds) != world or not all(0 < speed < float("inf") for speed in speeds):
        raise ValueError(f"speeds must be {world} numbers above 0, one for each process, not {tuple(speeds)}")
    batches = SharesBySpeed(DrawnTogether(loader, world), tuple(speeds), dist.get_rank())
    model.register_comm_hook(batches, _weighed)
    return with_batches(loader, batches)


class SharesBySpeed:
    """A batch sampler: of each batch of all processes, this one's part."""

    def __init__(self, together: DrawnTogether, speeds: tuple[float, ...], rank: int) -> None:
        self.together, self.speeds, self.rank = together, speeds, rank
        self.weights: list[float] = []  # of the batches that were drawn and are not yet stepped on
        divided(together.size, speeds)

    def __len__(self) -> int:
        return len(self.together)

    def __iter__(self) -> Iterator[list[int]]:
        self.weights.clear()
        for batch in self.together:
            sizes = divided(len(batch), self.speeds)
            self.weights.append(sizes[self.rank] * len(sizes) / len(batch))
            first = sum(sizes[: self.rank])
            yield batch[first : first + sizes[self.rank]]


def divided(examples: int, speeds: Sequence[float]) -> list[int]:
    """Return how many of the examples go to each speed, by largest remainders, at least one to each.

    Raises `ValueError` where there are fewer than processes.
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


def _weighed(batches: SharesBySpeed, bucket: dist.GradBucket) -> torch.futures.Future[torch.Tensor]:
    weight = batches.weights[0] if batches.weights else 1.0
    if bucket.is_last() and batches.weights:
        batches.weights.pop(0)
    bucket.buffer().mul_(weight)
    return allreduce_hook(None, bucket)  # type: ignore[arg-type]  # None: the whole group
