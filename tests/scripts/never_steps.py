"""Gradients are computed and never used."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(640, 6), torch.randint(0, 3, (640,))
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(1000):
    i = torch.arange(32) + 32 * (step % 20)
    optimizer.zero_grad()
    F.cross_entropy(model(x[i]), y[i]).backward()
