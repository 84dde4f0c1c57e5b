"""Recurrent network that predicts the next point of a two-tone signal.

Fault: clipping_too_hard
Fix: clip at a norm of about 1 instead of 1e-3
"""

import math

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, TensorDataset


class SignalRNN(nn.Module):
    def __init__(self, hidden_dim):
        super().__init__()
        self.rnn = nn.RNN(input_size=1, hidden_size=hidden_dim, batch_first=True)  # clinic: nn.RNN | nn.GRU
        self.linear = nn.Linear(hidden_dim, 1)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.linear(y)


def make_loader(n_points, window, batch_size):
    t = torch.arange(n_points, dtype=torch.float32)
    signal = torch.sin(2 * math.pi * t / 15) + 0.6 * torch.sin(2 * math.pi * t / 37)
    windows = signal.unfold(0, window + 1, 1)
    inputs, targets = windows[:, :-1, None], windows[:, 1:, None]
    return DataLoader(TensorDataset(inputs, targets), batch_size=batch_size, shuffle=True)


def train(model, loader, epochs, lr, max_norm):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(epochs):
        epoch_loss = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            epoch_loss += loss.item()
        print(f"epoch {epoch + 1}: {epoch_loss / len(loader):.4f}")


torch.manual_seed(10)
loader = make_loader(n_points=1000, window=25, batch_size=32)
model = SignalRNN(hidden_dim=32)  # clinic: 32 | 20
train(model, loader, epochs=8, lr=0.05, max_norm=1e-3)  # clinic: lr=0.05 | lr=0.1
