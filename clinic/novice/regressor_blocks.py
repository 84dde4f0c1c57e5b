"""A regressor made of blocks.

Fault: parameters_not_in_optimizer
Fix: a ModuleList
"""

import math
import torch
import torch.nn as nn


class BigMLP(nn.Module):
    """MLP where I can choose how many layers I want."""

    def __init__(self, in_dim, width, depth, out_dim):
        super().__init__()
        self.hidden = []
        d = in_dim
        for _ in range(depth):
            self.hidden.append(nn.Linear(d, width))
            d = width
        self.head = nn.Linear(width, out_dim)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.head(x)


def make_data(n=2000):
    x = torch.rand(n, 2) * 2 - 1
    y = torch.sin(2 * math.pi * x[:, :1]) * torch.cos(math.pi * x[:, 1:])
    return x, y


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.opt = torch.optim.Adam(model.parameters(), lr=lr)
        self.loss = nn.MSELoss()

    def one_epoch(self, x, y, bs):
        perm = torch.randperm(x.shape[0])
        tot = 0.0
        for k in range(0, x.shape[0], bs):
            b = perm[k:k + bs]
            self.opt.zero_grad()
            l = self.loss(self.model(x[b]), y[b])
            l.backward()
            self.opt.step()
            tot += l.item() * b.numel()
        return tot / x.shape[0]


if __name__ == "__main__":
    torch.manual_seed(5)
    x, y = make_data()
    trainer = Trainer(BigMLP(2, 64, 3, 1), lr=2e-3)
    for e in range(40):
        l = trainer.one_epoch(x, y, 64)
        if e % 4 == 3:
            print(f"epoch {e + 1:02d}  train mse {l:.5f}")
