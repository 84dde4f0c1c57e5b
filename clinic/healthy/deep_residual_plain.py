"""Sixteen residual blocks without normalisation, branches scaled down at the start.

Fault: none
Looks like: bad_initialisation or exploding_gradients, since the net is deep and has no normalisation; the small last layer of each branch keeps signal and gradient in order.
"""

import torch
from sklearn.datasets import make_friedman2
from torch import nn


class Block(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)
        nn.init.kaiming_normal_(self.inner.weight, nonlinearity="relu")
        std = (width * depth) ** -0.5  # clinic: (width * depth) ** -0.5 | 0.0
        nn.init.normal_(self.outer.weight, std=std)
        nn.init.zeros_(self.inner.bias)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x):
        return x + self.outer(torch.relu(self.inner(x)))


class ResNet(nn.Module):
    def __init__(self, n_in, width=32, depth=16):
        super().__init__()
        self.stem = nn.Linear(n_in, width)
        self.blocks = nn.ModuleList(Block(width, depth) for _ in range(depth))
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x).squeeze(-1)


def standardise(t):
    return (t - t.mean(0)) / t.std(0)


torch.manual_seed(0)  # clinic: seed(0) | seed(11)
X, y = make_friedman2(n_samples=3000, noise=120.0, random_state=0)
X, y = standardise(torch.tensor(X, dtype=torch.float32)), standardise(torch.tensor(y, dtype=torch.float32))

net = ResNet(4, width=32, depth=16)  # clinic: depth=16 | depth=12
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(8):
    order = torch.randperm(len(X))
    total = 0.0
    for start in range(0, len(X), 60):
        pick = order[start : start + 60]
        loss = (net(X[pick]) - y[pick]).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(pick)
    print(f"epoch {epoch}: mse {total / len(X):.4f}")
