"""Forecast of a noisy electricity load, hour by hour, with a GRU over the last day.

Fault: none
Looks like: fluctuations or plateau, since the loss soon wobbles around a level above 0; that level is the variance of the measurement noise.
Metric: test, lower is better; 1.038 without learning
"""

import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # clinic: seed(0) | seed(16)

hours = torch.arange(3000).float()
load = (
    torch.sin(2 * math.pi * hours / 24)
    + 0.5 * torch.sin(2 * math.pi * hours / 12 + 1)
    + 0.4 * torch.sin(2 * math.pi * hours / 168)
    + 0.3 * torch.randn(3000)
)
load = (load - load.mean()) / load.std()

WINDOW = 24
windows = load.unfold(0, WINDOW + 1, 1)
X, y = windows[:, :-1].unsqueeze(-1), windows[:, -1]
train_ds = TensorDataset(X[:2400], y[:2400])
X_test, y_test = X[2400:], y[2400:]


class Forecaster(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.gru = nn.GRU(input_size=1, hidden_size=hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, seq):
        _, h_n = self.gru(seq)
        return self.out(h_n[-1]).squeeze(-1)


model = Forecaster(hidden_size=32)  # clinic: hidden_size=32 | hidden_size=24
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)  # clinic: lr=1e-2 | lr=8e-3
train_loader = DataLoader(train_ds, batch_size=60, shuffle=True)

for epoch in range(6):
    model.train()
    train_loss = 0.0
    for seq, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(seq), target)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        train_loss += loss.item() * seq.size(0)
    model.eval()
    with torch.no_grad():
        test_loss = criterion(model(X_test), y_test).item()
    print(f"epoch {epoch + 1} train {train_loss / len(train_ds):.4f} test {test_loss:.4f}")
