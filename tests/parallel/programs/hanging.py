"""A process that stops in the middle of a training: for several ranks, and who the other says that it waits for."""

import json
import sys
import time
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout
from descend.parallel import hang_detection as hang

HANGS = 3, 6.0  # before its step, for so many seconds


def main() -> list[str]:
    data = TensorDataset(torch.randn(64, 4), torch.arange(64) % 2)
    model, loader, optimizer, loss_fn = Layout(data=2).spread(
        nn.Linear(4, 2), DataLoader(data, batch_size=8), lambda p: torch.optim.SGD(p, lr=0.1), nn.CrossEntropyLoss()
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for step, (x, y) in enumerate(loader):
            if dist.get_rank() == 1 and step == HANGS[0]:
                time.sleep(HANGS[1])
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
    return [str(each.message) for each in said]


if __name__ == "__main__":
    dist.init_process_group("gloo")
    hang.EVERY_S, hang.QUIET_S = 0.2, 2.5
    results: list[object] = [None, None]
    dist.all_gather_object(results, main())
    if dist.get_rank() == 0:
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))
    dist.destroy_process_group()
