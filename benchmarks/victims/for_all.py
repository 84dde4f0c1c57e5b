"""A loop that every peer can run, timing itself: `STEPS=400 python for_all.py`."""

import os
import time

import torch
from torch import nn

steps = int(os.environ["STEPS"])
torch.manual_seed(0)
data, labels = torch.randn(4096, 64), torch.randint(10, (4096,))
model = nn.Sequential(nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
began = time.perf_counter()
for _ in range(steps):
    batch = torch.randint(len(data), (128,))
    optimizer.zero_grad()
    loss = criterion(model(data[batch]), labels[batch])
    loss.backward()
    optimizer.step()
print(f"loop {time.perf_counter() - began:.6f} loss {loss.item()!r}")
