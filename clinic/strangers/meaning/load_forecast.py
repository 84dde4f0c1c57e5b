"""Trains an LSTM that forecasts the next 12 hours of an hourly load series from the preceding hours."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

HISTORY, HORIZON = 48, 12


def load_series(n=3000, seed=5):
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    day = 10 * np.sin(2 * np.pi * t / 24) + 4 * np.sin(4 * np.pi * t / 24 + 1.0)
    week = 1 + 0.3 * np.sin(2 * np.pi * t / 168)
    ar = np.zeros(n)
    for k in range(1, n):
        ar[k] = 0.9 * ar[k - 1] + rng.normal(scale=0.6)
    return (50 + day * week + ar).astype(np.float32)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, HORIZON)

    def forward(self, x):
        out, _ = self.rnn(x.unsqueeze(-1))
        return self.head(out[:, -1])


def make_training_set(series):
    windows = series.unfold(0, HISTORY, 1)
    inputs = windows
    targets = windows[:, -HORIZON:]
    return TensorDataset(inputs, targets)


@torch.no_grad()
def backtest(model, series, start, mean, std):
    """Rolling-origin evaluation over the held-out part, in the original units."""
    model.eval()
    origins = list(range(start, len(series) - HORIZON + 1, 3))
    past = torch.stack([series[o - HISTORY:o] for o in origins])
    actual = torch.stack([series[o:o + HORIZON] for o in origins])
    forecast = model((past - mean) / std) * std + mean
    mse = ((forecast - actual) ** 2).mean()
    r2 = 1 - mse / ((actual - actual.mean()) ** 2).mean()
    return mse.item(), r2.item()


def main():
    torch.manual_seed(42)
    series = torch.from_numpy(load_series())
    split = int(0.8 * len(series))
    mean, std = series[:split].mean(), series[:split].std()
    train_series = (series[:split] - mean) / std

    loader = DataLoader(make_training_set(train_series), batch_size=64, shuffle=True)
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.MSELoss()
    for epoch in range(1, 9):
        model.train()
        running = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            running += loss.item()
        val_mse, val_r2 = backtest(model, series, split, mean, std)
        print(f"epoch {epoch:2d}  train_mse {running / len(loader):.4f}  val_mse {val_mse:.3f}  val_r2 {val_r2:.3f}")


if __name__ == "__main__":
    main()
