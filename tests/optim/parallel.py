"""One of several ranks that train a small net together: `parallel.py (ddp|fsdp) RULE`.

The first of them prints the weights. With ddp, each of them checks that all have equal weights and states.
"""

import os
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

sys.path.insert(0, __file__.rpartition("/")[0])
from rules import make


def main(how: str, name: str) -> None:
    """Each process sees its share of the batch; the losses are means, so the mean of the gradients is the batch's."""
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    model = nn.parallel.DistributedDataParallel(net) if how == "ddp" else fully_shard(net)
    optimizer = make(name, model.parameters())
    for step in range(5):
        generator = torch.Generator().manual_seed(step)
        x = torch.randn(12, 6, generator=generator).chunk(size)[rank]
        if name == "SophiaG":
            optimizer.update_curvature(net(x[rank:]), process_group=dist.group.WORLD)
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    for tensor in [*net.parameters(), *optimizer.state[net[0].weight].values()] if how == "ddp" else ():
        copies = [torch.empty_like(tensor) for _ in range(size)]
        dist.all_gather(copies, tensor.detach().contiguous())
        assert all(torch.equal(copy, copies[0]) for copy in copies)
    held = [p.full_tensor() if isinstance(p, DTensor) else p for p in net.parameters()]
    if rank == 0:
        print("weights", *(f"{value:.9g}" for p in held for value in p.detach().flatten().tolist()), flush=True)
    dist.barrier()
    os._exit(0)  # gloo's threads do not always end


main(*sys.argv[1:])
