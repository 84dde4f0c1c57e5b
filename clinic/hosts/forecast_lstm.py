"""Forecasts hourly electricity-like demand with an LSTM on sliding windows.

Field: forecasting
Metric: test rmse in megawatts, lower is better; 87.9015 without learning
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

WINDOW = 24

torch.manual_seed(0)
rng = np.random.RandomState(0)

hours = np.arange(24 * 130)
daily = 120 * np.sin(2 * np.pi * (hours % 24 - 7) / 24) + 60 * np.sin(4 * np.pi * (hours % 24 - 3) / 24)
weekend = np.where((hours // 24) % 7 >= 5, 0.5, 1.0)
drift = np.zeros(len(hours))
for i in range(1, len(hours)):
    drift[i] = 0.95 * drift[i - 1] + rng.normal(scale=8.0)
demand = 900 + weekend * daily + drift + rng.normal(scale=5.0, size=len(hours))

cut = 24 * 105
mu, sigma = demand[:cut].mean(), demand[:cut].std()


def sliding(values):
    """Gives scaled windows (n, WINDOW, 1) and the value after each."""
    scaled = torch.tensor((values - mu) / sigma, dtype=torch.float32)
    windows = scaled.unfold(0, WINDOW, 1)[:-1]
    return windows.unsqueeze(-1), scaled[WINDOW:]


class Forecaster(nn.Module):
    """Reads the window, forecasts from the last state."""

    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, windows):
        """Gives one scaled forecast per window."""
        states, _ = self.lstm(windows)
        return self.out(states[:, -1]).squeeze(-1)


train_set = TensorDataset(*sliding(demand[:cut]))
test_x, test_y = sliding(demand[cut - WINDOW :])
loader = DataLoader(train_set, batch_size=64, shuffle=True)

net = Forecaster()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.4)
for epoch in range(1, 11):
    net.train()
    total = 0.0
    for xb, yb in loader:
        loss = loss_fn(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    print(f"epoch {epoch:2d} mse {total / len(train_set):.4f}")

net.eval()
with torch.no_grad():
    forecast = net(test_x).numpy() * sigma + mu
truth = demand[cut:]
print(f"test rmse in megawatts {np.sqrt(np.mean((forecast - truth) ** 2)):.4f}")
