"""A plain training loop that times itself: `python mlp.py WIDTH STEPS` prints the seconds of its loop."""

import sys
import time

import torch
from torch import nn

width, steps = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(0)
data, labels = torch.randn(4096, 64), torch.randint(10, (4096,))
model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
criterion = nn.CrossEntropyLoss()
began = time.perf_counter()
for _ in range(steps):
    batch = torch.randint(len(data), (128,))
    optimizer.zero_grad()
    loss = criterion(model(data[batch]), labels[batch])
    loss.backward()
    optimizer.step()
print(f"loop {time.perf_counter() - began:.6f} loss {loss.item()!r}")
