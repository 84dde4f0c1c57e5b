"""A network fits a surface; its weights are shrunk by hand after each step.

Fault: wrong_step
Fix: remove the line: it shrinks every weight so much in each step that the gradients cannot compensate
"""

import torch
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(3)
points = torch.rand(512, 2) * 2 - 1
heights = (torch.sin(3 * points[:, :1]) * points[:, 1:]) + 0.05 * torch.randn(512, 1)

network = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))  # clinic: nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1) | nn.Linear(2, 48), nn.Tanh(), nn.Linear(48, 1)
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)  # clinic: 0.01 | 0.02

for epoch in range(40):
    for batch in torch.randperm(512).split(64):
        error = nn.functional.mse_loss(network(points[batch]), heights[batch])
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        with torch.no_grad():
            for weight in network.parameters():
                weight.mul_(0.9)  # clinic: weight.mul_(0.9) | weight.copy_(0.92 * weight) | weight.data = 0.9 * weight
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} error {error.item():.4f}")
