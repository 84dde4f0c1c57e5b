"""Two optimizers that are made at the start; the second steps when the first has taken all of its steps."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
body, head = nn.Linear(6, 12), nn.Linear(12, 3)
first = torch.optim.Adam(body.parameters(), lr=1e-2)
second = torch.optim.Adam(head.parameters(), lr=1e-2)
x, y = torch.randn(96, 6), torch.randint(0, 3, (96,))
for optimizer in (first, second):
    for _ in range(24):
        loss = F.cross_entropy(head(body(x).relu()), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
