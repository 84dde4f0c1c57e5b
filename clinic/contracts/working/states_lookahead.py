"""Forecasting a noisy chaotic map with a recurrent network and the Lookahead scheme.

Every few steps the trained weights are overwritten by a slow average of themselves, on purpose.

Field: time series
Metric: one-step RMSE, lower is better; 1.012 without learning
Source: https://github.com/wandb/senpai/pull/432
"""

import torch
import torch.nn.functional as F
from torch import nn

SYNC_EVERY, SLOW_STEP = 5, 0.5


def henon(n, length):
    """Standardised trajectories of the Henon map."""
    x, previous = 0.2 * torch.rand(n) - 0.1, 0.2 * torch.rand(n) - 0.1
    values = []
    for step in range(length + 20):
        x, previous = 1 - 1.4 * x**2 + 0.3 * previous, x
        if step >= 20:
            values.append(x)
    return (torch.stack(values, dim=1) - 0.26) / 0.72


class Forecaster(nn.Module):
    """A GRU that predicts the next value."""

    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, x):
        """Map (batch, time) to predictions of the same shape."""
        return self.out(self.gru(x.unsqueeze(-1))[0]).squeeze(-1)


def main():
    """Train with fast and slow weights."""
    torch.manual_seed(0)
    train, test = henon(600, 33), henon(300, 33)
    seen = train + 0.02 * torch.randn_like(train)
    model = Forecaster()
    slow = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    step = 0
    for epoch in range(1, 41):
        for index in torch.randperm(len(train)).split(50):
            loss = F.mse_loss(model(seen[index, :-1]), train[index, 1:])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            if step % SYNC_EVERY == 0:
                with torch.no_grad():
                    for s, p in zip(slow, model.parameters()):
                        s.lerp_(p, SLOW_STEP)
                        p.copy_(s)
        if epoch % 10 == 0:
            print(f"epoch {epoch}  loss {loss.item():.4f}")

    with torch.no_grad():
        error = F.mse_loss(model(test[:, :-1])[:, 3:], test[:, 4:]).sqrt().item()
    print(f"one-step RMSE {error:.4f}")


if __name__ == "__main__":
    main()
