"""A training that goes on from its last checkpoint where torchrun starts it again: for torchrun.

Its arguments: a folder, and of the first start the epoch in which process 1 is killed, none where it says -1.
"""

import os
import signal
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout, load, save

EPOCHS = 6

if __name__ == "__main__":
    folder, killed = Path(sys.argv[1]), int(sys.argv[2])
    torch.manual_seed(0)
    x = torch.randn(48, 8)
    y = (x[:, 0] > 0).long()
    own = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 2))
    loader = DataLoader(TensorDataset(x, y), batch_size=16)
    layout = Layout(data=2)
    model, loader, optimizer, loss_fn = layout.spread(
        own, loader, lambda given: torch.optim.SGD(given, lr=0.1, momentum=0.9), nn.functional.cross_entropy
    )
    start = os.environ["TORCHELASTIC_RESTART_COUNT"]
    done = [int(path.name) for path in folder.glob("*") if (path / ".metadata").is_file()]
    if done:
        load(folder / str(max(done)), model, optimizer)
    for epoch in range(max(done, default=-1) + 1, EPOCHS):
        for number, (inputs, labels) in enumerate(loader):
            if (epoch, number, dist.get_rank(), start) == (killed, 1, 1, "0"):
                os.kill(os.getpid(), signal.SIGKILL)
            optimizer.zero_grad()
            loss_fn(model(inputs), labels).backward()
            optimizer.step()
        save(folder / str(epoch), model, optimizer)
    layout.collect(optimizer)
    if dist.get_rank() == 0:
        results = {"weights": [p.detach() for p in own.parameters()], "starts": start}
        torch.save(results, folder / "results.pt")
    dist.destroy_process_group()
