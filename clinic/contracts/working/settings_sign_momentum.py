"""Names waveforms with a small convolutional network and an optimizer that uses only the sign of its momentum.

On purpose: the learning rate is a tenth of the usual one for Adam and the weight decay a hundred times as large.
Field: time series classification
Metric: test accuracy, higher is better; 0.25 without learning
Source: Chen et al. 2023, Lion; https://github.com/lucidrains/lion-pytorch
"""

import torch
import torch.nn.functional as F
from torch import nn


class Lion(torch.optim.Optimizer):
    """Sign of an interpolated momentum, with decoupled weight decay."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        """Update all parameters."""
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(torch.lerp(p.grad, momentum, first).sign(), alpha=-group["lr"])
                momentum.lerp_(p.grad, 1 - second)


def waves(count, length=64):
    """Draw sines, squares, saws and triangles of random period, phase and noise."""
    kind = torch.randint(4, (count,))
    phase = torch.linspace(0, 1, length) * (2 + 3 * torch.rand(count, 1)) + torch.rand(count, 1)
    turn = phase % 1.0
    shapes = [
        torch.sin(2 * torch.pi * phase),
        torch.where(turn < 0.5, 1.0, -1.0),
        2 * turn - 1,
        4 * (turn - 0.5).abs() - 1,
    ]
    return torch.stack(shapes, dim=1)[torch.arange(count), kind] + 0.35 * torch.randn(count, length), kind


torch.manual_seed(0)
x, y = waves(3000)
x_test, y_test = waves(1000)
model = nn.Sequential(
    nn.Unflatten(1, (1, 64)),
    nn.Conv1d(1, 24, 7, padding=3),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(24, 48, 5, padding=2),
    nn.ReLU(),
    nn.AdaptiveAvgPool1d(4),
    nn.Flatten(),
    nn.Linear(192, 4),
)
optimizer = Lion(model.parameters(), lr=4e-4, weight_decay=1.0)
for epoch in range(1, 13):
    model.train()
    for rows in torch.randperm(len(x)).split(64):
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 3 == 0:
        print(f"epoch {epoch}: loss {loss.item():.4f}")
model.eval()
with torch.no_grad():
    print(f"test accuracy {(model(x_test).argmax(dim=1) == y_test).float().mean().item():.4f}")
