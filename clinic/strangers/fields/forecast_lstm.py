# Forecast a noisy seasonal load curve 12 steps ahead with an LSTM.
import math
import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader

SEED = 0
WINDOW = 36
HORIZON = 12
HIDDEN = 32
EPOCHS = 7
LR = 5e-3
BATCH = 64

torch.manual_seed(SEED)
np.random.seed(SEED)


def seasonal_series(n):
    t = np.arange(n)
    daily = 10.0 * np.sin(2 * math.pi * t / 24)
    half_daily = 5.0 * np.sin(2 * math.pi * t / 12 + 0.7)
    weekly = 4.0 * np.cos(2 * math.pi * t / 168)
    noise = np.random.normal(0, 1.0, n)
    return 50 + daily + half_daily + weekly + noise


class WindowDataset(Dataset):
    """(WINDOW past values) -> (next HORIZON values)"""

    def __init__(self, values):
        self.values = torch.tensor(values, dtype=torch.float32)

    def __len__(self):
        return len(self.values) - WINDOW - HORIZON + 1

    def __getitem__(self, idx):
        past = self.values[idx:idx + WINDOW]
        future = self.values[idx + WINDOW:idx + WINDOW + HORIZON]
        return past.unsqueeze(-1), future


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=HIDDEN, num_layers=1)
        self.head = nn.Linear(HIDDEN, HORIZON)

    def forward(self, x):                 # x: (batch, window, 1)
        out, _ = self.lstm(x)
        return self.head(out[:, -1, :])   # (batch, horizon)


series = seasonal_series(3500)
split = int(len(series) * 0.8)
mean, std = series[:split].mean(), series[:split].std()
scaled = (series - mean) / std

train_loader = DataLoader(WindowDataset(scaled[:split]), batch_size=BATCH, shuffle=True)
test_loader = DataLoader(WindowDataset(scaled[split:]), batch_size=BATCH, shuffle=False)

net = Forecaster()
criterion = nn.MSELoss()
opt = torch.optim.Adam(net.parameters(), lr=LR)


def evaluate():
    """mean absolute error in original units"""
    net.eval()
    errs = []
    with torch.no_grad():
        for x, y in test_loader:
            errs.append((net(x) - y).abs().mean(dim=1))
    return torch.cat(errs).mean().item() * std


for epoch in range(EPOCHS):
    net.train()
    losses = []
    for x, y in train_loader:
        opt.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
    print("epoch %d | train mse (scaled) %.4f | test MAE %.3f" % (epoch + 1, np.mean(losses), evaluate()))

print("final test MAE: %.3f" % evaluate())
