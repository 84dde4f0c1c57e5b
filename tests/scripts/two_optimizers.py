import torch
import torch.nn.functional as F
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
body, head = nn.Linear(6, 12), nn.Linear(12, 3)
first = torch.optim.SGD(body.parameters(), lr=0.05)
second = torch.optim.Adam(head.parameters(), lr=1e-2)
x, y = torch.randn(96, 6), torch.randint(0, 3, (96,))
seen = OwnLog()
for step in range(24):
    i = torch.randint(0, 96, (16,))
    loss = F.cross_entropy(head(body(x[i]).relu()), y[i])
    first.zero_grad()
    second.zero_grad()
    loss.backward()
    first.step()
    second.step()
    seen.loss(loss, "0")
    seen.loss(loss, "1")
seen.end(*body.parameters(), *head.parameters())
