"""Forecasts several series at once with a transformer whose tokens are the series.

Field: multivariate forecasting
Metric: explained variance of the forecast, higher is better; -0.13 without learning
On purpose: attention runs over the variables and the linear layers over time, not the other way round.
Source: https://github.com/thuml/iTransformer/issues/13
"""

import torch
from torch import nn

SERIES, PAST, FUTURE = 6, 24, 6


def make_series(length):
    """A slow autoregressive driver that the other series follow with lags, each with its own level and noise."""
    driver = torch.zeros(length + 50)
    pulse = torch.randn(length + 50)
    for i in range(2, len(driver)):
        driver[i] = 1.6 * driver[i - 1] - 0.7 * driver[i - 2] + pulse[i]
    columns = [driver[50 - lag : 50 - lag + length] for lag in range(0, 2 * SERIES, 2)]
    table = torch.stack(columns, dim=1) * torch.linspace(0.5, 2.0, SERIES) + torch.linspace(-5, 5, SERIES)
    return table + 0.1 * torch.randn(length, SERIES)


class Inverted(nn.Module):
    """Each series is a token that is embedded from its past and projected to its future."""

    def __init__(self, width=48):
        super().__init__()
        self.embed = nn.Linear(PAST, width)
        self.which = nn.Parameter(0.1 * torch.randn(SERIES, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.project = nn.Linear(width, FUTURE)

    def forward(self, past):
        """From (batch, time, series) to (batch, future time, series)."""
        mean, std = past.mean(dim=1, keepdim=True), past.std(dim=1, keepdim=True)
        tokens = self.embed(((past - mean) / std).permute(0, 2, 1)) + self.which
        return self.project(self.encoder(tokens)).permute(0, 2, 1) * std + mean


def windows(table, starts):
    """Gives past and future: (batch, time, series)."""
    rows = torch.stack([table[s : s + PAST + FUTURE] for s in starts.tolist()])
    return rows[:, :PAST], rows[:, PAST:]


torch.manual_seed(0)
table = make_series(5000)
train, test = table[:4000], table[4000:]
scale = train.std(dim=0)
model = Inverted()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
steps = 450
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
for step in range(1, steps + 1):
    past, future = windows(train, torch.randint(len(train) - PAST - FUTURE, (64,)))
    loss = ((model(past) - future) / scale).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 90 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

model.eval()
past, future = windows(test, torch.arange(0, len(test) - PAST - FUTURE))
with torch.no_grad():
    error = ((model(past) - future) / scale).square().mean()
variance = ((future - train.mean(dim=0)) / scale).square().mean()
print(f"explained variance of the forecast {(1 - error / variance).item():.4f}")
