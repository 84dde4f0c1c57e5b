"""Digits, a plain loop; sick: the gradients are never cleared."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
digits = torch.load("digits.pt")
x = digits["images"] / 16 - 0.3
y = digits["labels"]
net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for step in range(150):
    rows = torch.randint(0, len(x), (64,))
    optimizer.zero_grad()  # sick: optimizer.zero_grad() | pass
    loss = F.cross_entropy(net(x[rows]), y[rows])
    loss.backward()
    optimizer.step()
    print(step, loss.item())
