"""Fit a rough periodic signal with a smoothness-weighted Fourier expansion.

Fault: ill_conditioned_curvature
Fix: Adam (or momentum) instead of plain gradient descent
"""

import math

import torch
from torch import nn


class FourierSeries(nn.Module):
    """Basis functions are scaled by k ** -1.5, a usual prior for smooth curves."""

    def __init__(self, n_freq):
        super().__init__()
        k = torch.arange(1, n_freq + 1, dtype=torch.float32)
        self.register_buffer("k", k)
        self.register_buffer("scale", k**-1.5)
        self.coefficients = nn.Linear(2 * n_freq, 1, bias=False)

    def forward(self, x):
        phase = math.pi * x / math.sqrt(3) * self.k
        basis = torch.cat([torch.sin(phase) * self.scale, torch.cos(phase) * self.scale], dim=1)
        return self.coefficients(basis)


def signal(x, n_tones=12):
    tones = [torch.sin(math.pi * x / math.sqrt(3) * k + 6.28 * torch.rand(1)) for k in range(1, n_tones + 1)]
    return torch.stack(tones).sum(dim=0)


torch.manual_seed(12)
x = (torch.rand(1000, 1) * 2 - 1) * math.sqrt(3)
y = signal(x) + 0.02 * torch.randn_like(x)
y = (y - y.mean()) / y.std()

net = FourierSeries(12)  # clinic: 12 | 14 | 16
opt = torch.optim.SGD(net.parameters(), lr=1.0)  # clinic: lr=1.0 | lr=0.8 | lr=0.6
mse = nn.MSELoss()
for epoch in range(20):
    for idx in torch.randperm(1000).split(50):  # clinic: split(50) | split(40) | split(100)
        opt.zero_grad()
        loss = mse(net(x[idx]), y[idx])
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            print(f"epoch {epoch + 1}: mse {mse(net(x), y).item():.4f}")
