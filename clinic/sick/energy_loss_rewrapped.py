"""Energy use of a building from weather and time of day, two outputs (heating, cooling).

Fault: frozen_or_detached
Fix: return the loss tensor itself (do not rebuild it from .item() with torch.tensor(..., requires_grad=True))
"""
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(5)
torch.manual_seed(5)

n = 1600
temp = rng.uniform(-10, 35, n)
wind = rng.uniform(0, 15, n)
sun = rng.uniform(0, 1, n)
hour = rng.integers(0, 24, n)
heating = np.maximum(18 - temp, 0) * (1 + 0.03 * wind) * (0.7 + 0.3 * np.cos(2 * np.pi * hour / 24))
cooling = np.maximum(temp - 20, 0) * (1 + 0.8 * sun)

features = np.column_stack([temp, wind, sun, np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24)])
features = (features - features.mean(0)) / features.std(0)
outputs = np.column_stack([heating, cooling])
outputs = (outputs - outputs.mean(0)) / outputs.std(0)
X = torch.tensor(features, dtype=torch.float32)
Y = torch.tensor(outputs, dtype=torch.float32)


def combined_loss(pred, target, weights=(1.0, 0.5)):
    heat = nn.functional.smooth_l1_loss(pred[:, 0], target[:, 0])  # clinic: smooth_l1_loss | mse_loss
    cool = nn.functional.smooth_l1_loss(pred[:, 1], target[:, 1])
    total = weights[0] * heat.item() + weights[1] * cool.item()
    return torch.tensor(total, requires_grad=True)


net = nn.Sequential(nn.Linear(5, 40), nn.SiLU(), nn.Linear(40, 40), nn.SiLU(), nn.Linear(40, 2))  # clinic: nn.Linear(5, 40), nn.SiLU(), nn.Linear(40, 40) | nn.Linear(5, 40), nn.ReLU(), nn.Linear(40, 40) | nn.Linear(5, 40), nn.Tanh(), nn.Linear(40, 40)
opt = torch.optim.Adam(net.parameters(), lr=0.005)  # clinic: Adam(net.parameters(), lr=0.005) | SGD(net.parameters(), lr=0.1, momentum=0.9)

history = []
for epoch in range(15):
    order = torch.randperm(n)
    for start in range(0, n, 80):
        rows = order[start : start + 80]
        opt.zero_grad()
        loss = combined_loss(net(X[rows]), Y[rows])
        loss.backward()
        opt.step()
        history.append(loss.item())
    print(f"epoch {epoch + 1:2d}: mean loss {np.mean(history[-20:]):.4f}")

with torch.no_grad():
    residual = (net(X) - Y).pow(2).mean(0)
print("unexplained variance (heating, cooling):", [round(v, 4) for v in residual.tolist()])
