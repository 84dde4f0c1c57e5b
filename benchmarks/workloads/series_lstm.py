"""Forecast the next value of a noisy seasonal series with an LSTM."""

import math

import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

SEED = 0
WINDOW = 24
BATCH_SIZE = 64
EPOCHS = 6
LR = 3e-3

generator = torch.Generator().manual_seed(0)
time = torch.arange(2200)
series = torch.sin(2 * math.pi * time / 24) + 0.6 * torch.sin(2 * math.pi * time / 91)
series = series + 0.1 * torch.randn(len(time), generator=generator)
windows = series.unfold(0, WINDOW + 1, 1)
inputs, targets = windows[:, :-1, None], windows[:, -1:]
train = TensorDataset(inputs[:1600], targets[:1600])
test_inputs, test_targets = inputs[1600:], targets[1600:]


class Forecaster(nn.Module):
    """Read a window, and predict the next value from the last state."""

    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, window):
        """Return predictions of shape (batch, 1)."""
        states, _ = self.lstm(window)
        return self.head(states[:, -1])


torch.manual_seed(SEED)
loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)
model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
for epoch in range(EPOCHS):
    model.train()
    for window, following in loader:
        loss = mse_loss(model(window), following)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        test_loss = mse_loss(model(test_inputs), test_targets).item()
    print(f"epoch {epoch + 1} test loss {test_loss:.5f}")
