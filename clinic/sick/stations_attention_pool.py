"""The temperature and humidity at the most reliable of a station's sensors, with attention pooling.

Fault: degenerate_normalisation
Fix: take the softmax over the sensors, dim=1 (the last dimension of the scores has size 1, so that every weight is 1)
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make_stations(n, sensors=12):
    reliability = torch.randn(n, sensors, 1)
    measured = torch.randn(n, sensors, 2)
    best = reliability.argmax(dim=1, keepdim=True).expand(-1, -1, 2)
    target = measured.gather(1, best).squeeze(1) + 0.1 * torch.randn(n, 2)
    return torch.cat([reliability, measured], dim=2), target


class AttentionPool(nn.Module):
    def __init__(self, hidden=32, dim=16):  # clinic: hidden=32 | hidden=20 | hidden=48
        super().__init__()
        self.score = nn.Sequential(nn.Linear(3, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        self.value = nn.Linear(3, dim)
        self.out = nn.Linear(dim, 2)

    def forward(self, x):
        scores = self.score(x)  # (batch, sensors, 1)
        weights = torch.softmax(scores, dim=-1)  # clinic: torch.softmax(scores, dim=-1) | torch.softmax(scores, dim=2) | scores.softmax(-1)
        pooled = (weights * self.value(x)).sum(dim=1)
        return self.out(pooled)


torch.manual_seed(4)  # clinic: seed(4) | seed(41)
x, y = make_stations(2400)
loader = DataLoader(TensorDataset(x, y), batch_size=48, shuffle=True)
model = AttentionPool()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)  # clinic: lr=1e-2 | lr=6e-3
criterion = nn.MSELoss()

for epoch in range(16):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    print(f"epoch {epoch + 1:2d}  mse {total / len(x):.4f}")
