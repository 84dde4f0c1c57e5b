"""Fit a smooth electricity load curve (synthetic).

Fault: unshuffled_data
Fix: visit the rows in random order
"""

import numpy as np
import torch
from torch import nn

np.random.seed(14)
torch.manual_seed(14)

season = np.linspace(-1, 1, 1200)
load = np.sin(2.5 * np.pi * season) + 0.6 * season + 0.05 * np.random.randn(1200)
x = torch.tensor(season / season.std(), dtype=torch.float32).unsqueeze(1)
y = torch.tensor((load - load.mean()) / load.std(), dtype=torch.float32).unsqueeze(1)

net = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
opt = torch.optim.Adam(net.parameters(), lr=0.01)  # clinic: lr=0.01 | lr=0.008 | lr=0.012
chunk = 40  # clinic: 40 | 30 | 60

for epoch in range(16):  # clinic: range(16) | range(20) | range(18)
    for start in range(0, len(x), chunk):
        xb, yb = x[start : start + chunk], y[start : start + chunk]
        opt.zero_grad()
        nn.functional.mse_loss(net(xb), yb).backward()
        opt.step()
    with torch.no_grad():
        print(f"epoch {epoch + 1}: mse of the curve {nn.functional.mse_loss(net(x), y).item():.4f}")
