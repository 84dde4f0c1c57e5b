"""Digits in shares of each batch that go with the speed: the same steps as one process with the whole batch."""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from descend.parallel import share_by_speed

EXAMPLES, BATCH, EPOCHS = 50, 4, 2  # 50 examples, three processes: 51 with one of them twice; batches of 12, one of 3


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def train(model: nn.Module, loader: DataLoader, sampler: DistributedSampler) -> list[int]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    sizes = []
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        for x, y in loader:
            sizes.append(len(x))
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return sizes


if __name__ == "__main__":
    dist.init_process_group("gloo")
    torch.manual_seed(1)
    data = TensorDataset(torch.randn(EXAMPLES, 6).double(), torch.randint(0, 3, (EXAMPLES,)))
    results: dict[str, object] = {}
    for workers in (0, 1):
        sampler, own = DistributedSampler(data, seed=3), network()
        loader = DataLoader(data, batch_size=BATCH, sampler=sampler, num_workers=workers)
        model = DistributedDataParallel(own)
        sizes = train(model, share_by_speed(loader, model, (3, 2, 0.5)), sampler)
        equal, plain = network(), DistributedSampler(data, seed=3)
        train(DistributedDataParallel(equal), DataLoader(data, batch_size=BATCH, sampler=plain), plain)
        everywhere: list[object] = [None] * 3
        dist.all_gather_object(everywhere, sizes)
        apart = max(float((a - b).abs().max()) for a, b in zip(own.parameters(), equal.parameters()))
        results[str(workers)] = {"sizes": everywhere, "apart": apart}
    refused = []
    for speeds, given in (((1, 2), loader), ((1, 0, 1), loader), ((1, 1, 1), DataLoader(data, batch_size=4))):
        try:
            share_by_speed(given, model, speeds)
        except ValueError as error:
            refused.append(str(error))
    results["refused"] = refused
    if dist.get_rank() == 0:
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))
    del model
    dist.destroy_process_group()
