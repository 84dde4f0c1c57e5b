"""The link between the processes of a group, measured: bandwidth and latency of what is reduced over all of them.

`torchrun --nproc-per-node 2 -m descend.parallel.link` prints them as JSON.
"""

import json
from time import perf_counter

import torch
import torch.distributed as dist

from descend.parallel import group
from descend.parallel.cost import Link

SMALL, LARGE = 1, 4_000_000  # numbers of 4 bytes
TIMES = 7  # the fastest counts: anything else that runs makes it slower


def measured() -> Link:
    """Return the link between the processes of the present group. Called by all of them."""
    device, size = group.join(), dist.get_world_size()
    small, large = (_seconds(torch.zeros(count, device=device)) for count in (SMALL, LARGE))
    latency = small / (2 * (size - 1))
    return Link(2 * (size - 1) / size * 4 * LARGE / max(large - small, 1e-9), latency)


def _seconds(numbers: torch.Tensor) -> float:
    spent = []
    for _ in range(TIMES):
        dist.barrier()
        began = perf_counter()
        dist.all_reduce(numbers)
        numbers[0].item()  # waits for an accelerator
        spent.append(perf_counter() - began)
    return min(spent)


if __name__ == "__main__":
    found = measured()
    if dist.get_rank() == 0:
        print(json.dumps(vars(found)))
    dist.destroy_process_group()
