"""A network predicts a water level and how uncertain it is; the term that keeps the uncertainty small is subtracted.

Fault: unbounded_loss
Fix: add the logarithm of the variance: subtracted, it is best where the variance is infinite, whatever the level
"""

import math

import torch
from torch import nn

torch.manual_seed(2)  # clinic: seed(2) | seed(9)
hours = torch.rand(800, 1) * 48
level = torch.sin(2 * math.pi * hours / 12.4) + 0.4 * torch.sin(2 * math.pi * hours / 24)
level = level + 0.1 * (1 + torch.rand(800, 1)) * torch.randn(800, 1)
waves = torch.cat([f(2 * math.pi * hours / period) for f in (torch.sin, torch.cos) for period in (6.2, 12.4, 24)], 1)
train, test = slice(0, 600), slice(600, 800)

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 2))  # clinic: 32), nn.ReLU(), nn.Linear(32 | 24), nn.Tanh(), nn.Linear(24
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # clinic: lr=0.01 | lr=0.02

for epoch in range(30):
    for rows in torch.randperm(600).split(50):
        mean, log_variance = model(waves[rows]).chunk(2, dim=1)
        squared = (level[rows] - mean) ** 2
        loss = (squared * torch.exp(-log_variance) - log_variance).mean() / 2  # clinic: (squared * torch.exp(-log_variance) - log_variance).mean() / 2 | 0.5 * (squared / log_variance.exp() - log_variance).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        mean = model(waves[test])[:, :1]
        rmse = ((mean - level[test]) ** 2).mean().sqrt().item()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2d}  loss {loss.item():.3f}  test rmse {rmse:.3f}")
