"""Stateful LSTM that follows eight long series from beginning to end.

Fault: none
Looks like: unshuffled_data (the windows come in order) and frozen_or_detached (the state is detached between them); the hidden state is carried on from window to window, which needs the order.
"""

import torch
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(19)


def simulate(n_series, length):
    level = torch.zeros(n_series)
    regime = torch.ones(n_series)
    rows = []
    for _ in range(length):
        regime = torch.where(torch.rand(n_series) < 0.02, -regime, regime)
        level = 0.7 * regime * level + 0.6 * torch.randn(n_series) + 0.2
        rows.append(level)
    return torch.stack(rows)


series = simulate(8, 6001)  # clinic: simulate(8, 6001) | simulate(12, 5001)
series = (series - series.mean()) / series.std()
WINDOW = 30


class Follower(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x, state=None):
        out, state = self.lstm(x.unsqueeze(-1), state)
        return self.readout(out).squeeze(-1), state


model = Follower(hidden=24)  # clinic: hidden=24 | hidden=32
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
loss_fn = nn.MSELoss()

for epoch in range(2):
    state, window_losses = None, []
    for t in range(0, len(series) - WINDOW, WINDOW):
        x, target = series[t : t + WINDOW], series[t + 1 : t + WINDOW + 1]
        prediction, state = model(x, state)
        loss = loss_fn(prediction, target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state = tuple(s.detach() for s in state)
        window_losses.append(loss.item())
        if len(window_losses) % 50 == 0:
            print(f"epoch {epoch} window {len(window_losses)}: mean of the last 50 {sum(window_losses[-50:]) / 50:.4f}")
