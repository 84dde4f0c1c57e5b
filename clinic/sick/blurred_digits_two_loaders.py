"""Sharpens blurred digits.

Fault: unpaired_targets
Fix: one loader of pairs, or none that shuffles
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(14)
BATCH = 40  # clinic: 40 | 64 | 25
sharp = torch.tensor(load_digits().images / 16, dtype=torch.float32)[:1200, None]
blurred = F.avg_pool2d(sharp, 3, stride=1, padding=1)

inputs = DataLoader(TensorDataset(blurred), BATCH, shuffle=True)  # clinic: BATCH, shuffle=True | batch_size=BATCH, shuffle=True
targets = DataLoader(TensorDataset(sharp), BATCH, shuffle=True)

width = 16  # clinic: 16 | 24
net = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 1, 3, padding=1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)  # clinic: lr=3e-3 | lr=1e-3
for epoch in range(12):
    total = 0.0
    for (x,), (y,) in zip(inputs, targets):
        loss = F.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / len(inputs):.4f}")
