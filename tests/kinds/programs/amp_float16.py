"""Digits in float16 with a GradScaler; sick: a softmax before the loss that applies its own."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
digits = torch.load("digits.pt")
x = digits["images"] / 16 - 0.3
y = digits["labels"]
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
for step in range(120):
    rows = torch.randint(0, len(x), (64,))
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = F.cross_entropy(model(x[rows]), y[rows])  # sick: model(x[rows]) | model(x[rows]).softmax(dim=1)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    scaler.step(optimizer)
    scaler.update()
    print(step, loss.item())
