"""From the fifth step on a batch holds values that are no numbers."""

import sys

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
x, t = torch.randn(640, 6), torch.randn(640, 1)
{"inputs": x, "targets": t}[sys.argv[1]][5 * 32 + 3, 0] = float("nan")
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for i in torch.arange(640).split(32):
    optimizer.zero_grad()
    F.mse_loss(model(x[i]), t[i]).backward()
    optimizer.step()
