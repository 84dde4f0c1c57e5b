"""Forecasts series of very different level and size from windows that are standardised one by one.

On purpose: each window, in training and in the test, is scaled by its own mean and deviation, and so is its target.

Field: forecasting
Metric: skill against persistence, higher is better; 0.531 without learning
Source: https://plumprc.github.io/%E6%9C%BA%E5%99%A8%E5%AD%A6%E4%B9%A0/2022/07/06/RevIN (Kim et al. 2022, RevIN)
"""

import math

import torch
from torch import nn

PAST, AHEAD = 48, 6


def make_series(count, length=240):
    """Seasons with a drift, each series in its own units."""
    t = torch.arange(length).float()
    period = 12.0
    phase = 2 * math.pi * torch.rand(count, 1)
    season = torch.sin(2 * math.pi * t / period + phase) + 0.5 * torch.sin(4 * math.pi * t / period + 2 * phase)
    drift = (0.06 * torch.randn(count, length)).cumsum(dim=1)
    level, size = 300 * torch.rand(count, 1), torch.exp(2 * torch.randn(count, 1))
    return level + size * (season + drift + 0.1 * torch.randn(count, length))


def windows(series, step):
    """Pasts (n, PAST) and futures (n, AHEAD)."""
    cut = series.unfold(1, PAST + AHEAD, step).flatten(0, 1)
    return cut[:, :PAST], cut[:, PAST:]


class Forecaster(nn.Module):
    """Works on the standardised past and gives a standardised future."""

    def __init__(self, hidden=96):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(PAST, hidden), nn.ReLU(), nn.Linear(hidden, AHEAD))

    def forward(self, past):
        """The future in the scale of the window."""
        return self.net(past)


def statistics(past):
    """The mean and the deviation of each window."""
    return past.mean(dim=1, keepdim=True), past.std(dim=1, keepdim=True) + 1e-5


def main():
    """Train on some series, test on others."""
    torch.manual_seed(0)
    past, future = windows(make_series(60), step=3)
    test_past, test_future = windows(make_series(40), step=9)
    model = Forecaster()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    epochs = 25
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(past)).split(64):
            mean, std = statistics(past[rows])
            loss = nn.functional.mse_loss(model((past[rows] - mean) / std), (future[rows] - mean) / std)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        scheduler.step()
        if epoch % 6 == 0:
            print(f"epoch {epoch + 1}: loss {total / len(past):.4f}")

    mean, std = statistics(test_past)
    with torch.no_grad():
        forecast = model((test_past - mean) / std) * std + mean
    error = ((forecast - test_future) / std).square().mean()
    naive = ((test_past[:, -1:] - test_future) / std).square().mean()
    print(f"skill against persistence {(1 - error / naive).item():.4f}")


if __name__ == "__main__":
    main()
