"""Digits are read by a small network in batches of shuffled rows.

Fault: unpaired_targets
Fix: same_rows
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(5)  # clinic: manual_seed(5) | manual_seed(9)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
y = torch.tensor(digits.target)
x_test, y_test, x, y = x[:400], y[:400], x[400:], y[400:]

net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))  # clinic: Linear(64, 48), nn.ReLU(), nn.Linear(48 | Linear(64, 40), nn.ReLU(), nn.Linear(40
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    for rows in torch.randperm(len(x)).split(32):
        loss = F.cross_entropy(net(x[rows]), y[: len(rows)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
