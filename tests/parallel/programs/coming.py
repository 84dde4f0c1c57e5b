"""Steps of two processes as they come, one of them ten times as slow, on one model in shared memory."""

import json
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from descend.parallel import step_as_they_come

SECONDS = (0.01, 0.1)


def main() -> None:
    rank = dist.get_rank()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = torch.arange(120)
    x = torch.randn(120, 6)
    y = (x @ torch.randn(6, 3)).argmax(1)
    sampler = DistributedSampler(TensorDataset(x, y, rows), seed=3)
    loader = DataLoader(sampler.dataset, batch_size=4, sampler=sampler)
    model = DistributedDataParallel(nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    loader = step_as_they_come(loader, model)
    model.eval()
    before = float(cross_entropy(model.module(x), y).detach())
    model.train()
    dist.barrier()
    batches, began = [], time.perf_counter()
    for epoch in range(2):
        sampler.set_epoch(epoch)
        taken = []
        for inputs, labels, numbers in loader:
            time.sleep(SECONDS[rank])
            optimizer.zero_grad()
            cross_entropy(model(inputs), labels).backward()
            optimizer.step()
            taken.append(numbers.tolist())
        batches.append(taken)
    done = time.perf_counter()
    dist.barrier()
    waited = time.perf_counter() - done
    model.eval()
    loss = float(cross_entropy(model.module(x), y).detach())
    everywhere: list[object] = [None, None]
    dist.all_gather_object(everywhere, (batches, loss, waited, done - began))
    if rank == 0:
        batches, loss, waited, spent = zip(*everywhere)
        results = {
            "batches": batches,
            "loss": loss,
            "before": before,
            "waited": max(waited),
            "slow_seconds": max(spent),
        }
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    main()
    dist.destroy_process_group()
