"""Fits claims of which few are large; examples are drawn by the size of their last loss.

Field: insurance
Metric: relative error, lower is better; 1.0349 without learning
On purpose: hard examples are drawn far more often, and the loss weighs them by the reciprocal of how often.
Source: https://github.com/rlcode/per/issues/3 (priorities and importance weights)
"""

import torch
import torch.nn as nn
from torch.utils.data import Dataset

torch.manual_seed(0)

N, BATCH, STEPS, SMOOTH = 3000, 64, 1800, 0.2


class Claims(Dataset):
    """Features and the amount, which is large for few of them."""

    def __init__(self, n):
        self.x = torch.rand(n, 6) * 2 - 1
        large = 15 * torch.relu(self.x[:, 0] - 0.7)
        self.y = 0.5 * self.x[:, 1] + self.x[:, 2] * self.x[:, 3] + large * (1 + 0.5 * self.x[:, 4])
        self.priority = torch.ones(n)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, rows):
        return self.x[rows], self.y[rows]

    def draw(self, size):
        """Draws by priority, and gives the weights that make up for it."""
        p = SMOOTH / len(self) + (1 - SMOOTH) * self.priority / self.priority.sum()
        rows = torch.multinomial(p, size, replacement=True)
        return rows, 1.0 / (len(self) * p[rows])


train_set, test_set = Claims(N), Claims(2000)
model = nn.Sequential(nn.Linear(6, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
for step in range(1, STEPS + 1):
    rows, weight = train_set.draw(BATCH)
    x, y = train_set[rows]
    errors = (model(x).squeeze(1) - y).square()
    loss = (weight * errors).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    train_set.priority[rows] = errors.detach().sqrt() + 1e-3
    if step % 450 == 0:
        print(f"step {step}: weighted loss {loss.item():.4f}")

with torch.no_grad():
    residual = model(test_set.x).squeeze(1) - test_set.y
print(f"relative error {(residual.square().mean() / test_set.y.var()).sqrt().item():.4f}")
