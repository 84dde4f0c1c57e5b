import sys

import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(64, 5), torch.randn(64, 1)
model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
seen = OwnLog()
for step in range(30):
    loss = ((model(x) - y) ** 2).mean()
    model.zero_grad()
    loss.backward()
    for p in model.parameters():
        if sys.argv[2] == "no_grad":
            with torch.no_grad():
                p -= 0.05 * p.grad
        else:
            p.data -= 0.05 * p.grad.data
    seen.loss(loss)
seen.end(*model.parameters())
