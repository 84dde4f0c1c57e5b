"""A training that never ends, on a separate server, and says when it has begun: for torchrun, with a folder."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout

torch.manual_seed(0)
x, y = torch.randn(64, 8), torch.randint(0, 2, (64,))
model, loader, optimizer, loss_fn = Layout(data=2, scheme="downpour", period=2).spread(
    nn.Linear(8, 2),
    DataLoader(TensorDataset(x, y), batch_size=8),
    lambda given: torch.optim.SGD(given, lr=0.01),
    nn.functional.cross_entropy,
)
step = 0
while True:
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss_fn(model(inputs), labels).backward()
        optimizer.step()
        step += 1
        if step == 4:
            Path(sys.argv[1], f"begun-{dist.get_rank()}").touch()
