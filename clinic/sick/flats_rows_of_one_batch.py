"""Prices of flats are learned from batches of rows that are drawn at random.

Fault: examples_not_drawn
Fix: draw_all_rows
"""

import torch
from torch import nn

torch.manual_seed(6)  # clinic: manual_seed(6) | manual_seed(11)
rooms = torch.randn(3000, 8)
prices = torch.sin(rooms[:, :2].sum(1)) + 0.5 * rooms[:, 2] * rooms[:, 3]
train_x, train_y, test_x, test_y = rooms[:2400], prices[:2400], rooms[2400:], prices[2400:]

model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))  # clinic: 64), nn.Tanh(), nn.Linear(64 | 56), nn.Tanh(), nn.Linear(56
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(600):
    rows = torch.randint(32, (32,))
    loss = (model(train_x[rows]).squeeze(1) - train_y[rows]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 99:
        with torch.no_grad():
            error = (model(test_x).squeeze(1) - test_y).square().mean().item()
        print(f"step {step + 1}: loss {loss.item():.4f}, test error {error:.4f}")
