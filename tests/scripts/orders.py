"""Batches of labels that come sorted, or shuffled."""

import sys

import torch
import torch.nn.functional as F
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(960, 6), torch.arange(960) // 240
if sys.argv[2] == "shuffled":
    y = y[torch.randperm(960)]
model = nn.Linear(6, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
seen = OwnLog()
seen.others["labels"] = []
for i in torch.arange(960).split(16):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x[i]), y[i])
    loss.backward()
    optimizer.step()
    seen.loss(loss)
    labels, counts = y[i].unique(return_counts=True)
    seen.others["labels"].append({str(int(k)): int(n) for k, n in zip(labels, counts)})
seen.end(*model.parameters())
