"""Forecasts a noisy seasonal series one step ahead with a causal temporal convolution.

Field: forecasting
Metric: skill against persistence, higher is better; -0.7274 without learning
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def make_series(n, rng):
    """Draws two seasons of changing strength plus an autoregressive part."""
    t = np.arange(n)
    slow = np.sin(2 * np.pi * t / 24) * (1.0 + 0.3 * np.sin(2 * np.pi * t / 190))
    fast = 0.8 * np.sign(np.sin(2 * np.pi * t / 8 + 0.4))
    ar = np.zeros(n)
    for i in range(1, n):
        ar[i] = 0.7 * ar[i - 1] + 0.15 * rng.standard_normal()
    return (slow + fast + ar).astype(np.float32)


class CausalConv(nn.Module):
    """A dilated convolution that sees the present and the past only, with a residual path."""

    def __init__(self, channels, dilation, kernel=3):
        super().__init__()
        self.left = (kernel - 1) * dilation
        self.conv = nn.Conv1d(channels, channels, kernel, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        """Pads on the left, so the length stays."""
        h = torch.relu(self.conv(F.pad(x, (self.left, 0))))
        return x + self.mix(h)


class TCN(nn.Module):
    """Four causal blocks: 31 steps in sight."""

    def __init__(self, channels=24):
        super().__init__()
        self.lift = nn.Conv1d(1, channels, 1)
        self.blocks = nn.Sequential(*[CausalConv(channels, 2**i) for i in range(4)])
        self.readout = nn.Conv1d(channels, 1, 1)

    def forward(self, x):
        """Gives the forecast of the next value at each time: (batch, time)."""
        return self.readout(self.blocks(self.lift(x.unsqueeze(1)))).squeeze(1)


def main():
    """Trains on random stretches of the first part, scores on the last."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    series = torch.from_numpy(make_series(4000, rng))
    train, test = series[:3200], series[3200:]
    mean, std = train.mean(), train.std()
    scaled = (train - mean) / std

    model = TCN()
    warmup, length = 31, 96
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
    for step in range(1, 221):
        starts = torch.randint(0, len(scaled) - length, (16,)).tolist()
        windows = torch.stack([scaled[s : s + length + 1] for s in starts])
        inputs, targets = windows[:, :-1], windows[:, 1:]
        error = (model(inputs) - targets)[:, warmup:]
        loss = (error**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 44 == 0:
            print(f"step {step}: mse {loss.item():.4f}")

    model.eval()
    with torch.no_grad():
        forecast = model(((test - mean) / std)[None, :-1])[0] * std + mean
    truth, forecast, last = test[1:].numpy(), forecast.numpy(), test[:-1].numpy()
    kept = slice(warmup, None)
    ratio = np.mean((truth - forecast)[kept] ** 2) / np.mean((truth - last)[kept] ** 2)
    print(f"skill against persistence {1 - ratio:.4f}")


if __name__ == "__main__":
    main()
