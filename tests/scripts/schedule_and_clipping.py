"""A schedule, a clipped gradient, and evaluations after which nobody switches back to training."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import StepLR
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(640, 6), torch.randint(0, 3, (640,))
held_out = [(torch.randn(32, 6), torch.randint(0, 3, (32,))) for _ in range(2)]
model = nn.Sequential(
    nn.Linear(6, 16),
    nn.ReLU(),
    nn.Dropout(0.25),  # dropout
    nn.Linear(16, 3),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = StepLR(optimizer, 2, gamma=0.5)  # scheduler
seen = OwnLog()
seen.others = {"norms": [], "evaluations": []}
for epoch in range(4):
    for i in torch.arange(320).split(32):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[i]), y[i])
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=0.3)  # clip
        optimizer.step()
        seen.loss(loss)
        seen.others["norms"].append(float(norm))
    scheduler.step()  # scheduler_step
    model.eval()
    with torch.no_grad():
        losses = [F.cross_entropy(model(a), b).item() for a, b in held_out]
    seen.others["evaluations"].append(sum(losses) / 2)
seen.end(*model.parameters())
