import sys

import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(64, 5), torch.randn(64, 1)
model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
kind, to_none = sys.argv[2], sys.argv[3] == "none"
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=6) if kind == "lbfgs" else torch.optim.SGD(model.parameters(), 0.1)
seen = OwnLog()
seen.others["evaluations"] = 0


def closure():
    optimizer.zero_grad(set_to_none=to_none)
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    seen.others["evaluations"] += 1
    return loss


for step in range(8):
    seen.loss(optimizer.step(closure))
seen.end(*model.parameters())
