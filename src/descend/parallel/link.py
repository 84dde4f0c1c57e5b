"""Measure bandwidth and latency between the processes of a group, with all-reduce operations.

`torchrun --nproc-per-node 2 -m descend.parallel.link` prints both as JSON.
"""

import json
from time import perf_counter

import torch
import torch.distributed as dist

from descend.parallel import group
from descend.parallel.cost import Link

SMALL, LARGE = 1, 4_000_000  # numbers of 4-byte elements of the two tensors that are all-reduced
TIMES = 7  # repetitions; the fastest one counts, because other programs can only slow down a measurement


def measure_link() -> Link:
    """Measure the bandwidth and latency between the group's processes. All processes must call this."""
    device, size = group.join(), dist.get_world_size()
    small, large = (_all_reduce_seconds(torch.zeros(count, device=device)) for count in (SMALL, LARGE))
    latency = small / (2 * (size - 1))
    return Link(2 * (size - 1) / size * 4 * LARGE / max(large - small, 1e-9), latency)


def _all_reduce_seconds(numbers: torch.Tensor) -> float:
    """Return the seconds of the fastest of several all-reduce operations on a tensor."""
    spent = []
    for _ in range(TIMES):
        dist.barrier()
        began = perf_counter()
        dist.all_reduce(numbers)
        numbers[0].item()  # Reading an element waits until an accelerator has finished.
        spent.append(perf_counter() - began)
    return min(spent)


if __name__ == "__main__":
    found = measure_link()
    if dist.get_rank() == 0:
        print(json.dumps(vars(found)))
    dist.destroy_process_group()
