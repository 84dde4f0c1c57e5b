"""Digits with an optimizer that torch does not have; sick: a learning rate far too large."""

import torch
from torch import nn
from torch.optim import Optimizer


class Lion(Optimizer):
    """Chen et al. 2023."""

    def __init__(self, params, lr=1e-4, betas=(0.9, 0.99)):
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            slow, fast = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                average = self.state[p].setdefault("average", torch.zeros_like(p))
                p.sub_(torch.sign(slow * average + (1 - slow) * p.grad), alpha=group["lr"])
                average.mul_(fast).add_(p.grad, alpha=1 - fast)


torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"] / 16 - 0.3
labels = digits["labels"]
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
criterion = nn.CrossEntropyLoss()
optimizer = Lion(model.parameters(), lr=3e-3)  # sick: lr=3e-3 | lr=1.0
for step in range(150):
    rows = torch.randint(0, len(images), (64,))
    optimizer.zero_grad()
    loss = criterion(model(images[rows]), labels[rows])
    loss.backward()
    optimizer.step()
    print(step, loss.item())
