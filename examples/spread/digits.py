"""Handwritten digits by several processes.

python -m torch.distributed.run --nproc-per-node 2 examples/spread/digits.py SPREAD

SPREAD: data, tensor, pipeline, hogwild, downpour, delay_tolerant, elastic or backup. A batch of 64 is divided among the
replicas of `data`; each replica of the last five has batches of its own.
"""

import sys

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout

SPLITS = ("data", "tensor", "pipeline")
spread = sys.argv[1] if len(sys.argv) > 1 else "data"

torch.manual_seed(0)
torch.set_num_threads(1)
pixels, digits = load_digits(return_X_y=True)
x, y = torch.tensor(pixels / 16 - 0.5, dtype=torch.float32), torch.tensor(digits)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
loader = DataLoader(TensorDataset(x[:1472], y[:1472]), batch_size=64, shuffle=True)


def rule(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


dist.init_process_group("gloo")
processes = dist.get_world_size()
layout = Layout(**{spread: processes}) if spread in SPLITS else Layout(data=processes, scheme=spread)
model, loader, optimizer, loss_fn = layout.spread(model, loader, rule, nn.CrossEntropyLoss())

for epoch in range(20):
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss_fn(model(inputs), labels).backward()
        optimizer.step()

layout.collect(optimizer)
model.eval()
with torch.no_grad():
    right = (model(x[1472:]).argmax(1) == y[1472:]).float().mean()
if dist.get_rank() == 0:
    print(f"{spread}, {processes} processes: {right:.1%} of the held-out digits right")
dist.destroy_process_group()
