import sys

import torch
import torch.nn.functional as F
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
dtype = getattr(torch, sys.argv[2])
x, y = torch.randn(128, 10), torch.randint(0, 4, (128,))
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
# float16 begins with a factor that overflows: the scaler leaves out the first updates, and the loop goes on
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40 if dtype is torch.float16 else 2.0**16)
seen = OwnLog()
for step in range(60):
    i = torch.randint(0, 128, (32,))
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=dtype):
        loss = F.cross_entropy(model(x[i]), y[i])
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    seen.loss(loss)
seen.end(*model.parameters())
