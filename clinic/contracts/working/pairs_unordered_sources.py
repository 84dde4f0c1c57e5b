"""Finds the places of two pulses in a noisy signal; the two answers have no order.

On purpose: the targets of each signal are exchanged whenever that fits the outputs better.

Field: source separation
Metric: mean place error, lower is better; 0.465 without learning
Source: https://www.emergentmind.com/topics/permutation-invariant-training-pit (Yu et al. 2016)
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
LENGTH = 64


def signals(n):
    """Signals (n, 1, LENGTH) with two pulses of random sign-free height, and their places in random order."""
    places = 0.06 + 0.88 * torch.rand(n, 2)
    ticks = torch.linspace(0, 1, LENGTH)
    heights = 0.7 + 0.6 * torch.rand(n, 2, 1)
    pulses = heights * torch.exp(-0.5 * ((ticks - places[:, :, None]) / 0.03) ** 2)
    return (pulses.sum(dim=1) + 0.08 * torch.randn(n, LENGTH)).unsqueeze(1), places


def best_order(outputs, places):
    """The targets of each signal in the order that is nearer to the outputs."""
    kept = (outputs - places).abs().sum(dim=1)
    exchanged = (outputs - places.flip(1)).abs().sum(dim=1)
    return torch.where((exchanged < kept)[:, None], places.flip(1), places)


train_x, train_y = signals(4000)
test_x, test_y = signals(1000)
model = nn.Sequential(
    nn.Conv1d(1, 16, 7, padding=3),
    nn.ReLU(),
    nn.MaxPool1d(2),
    nn.Conv1d(16, 16, 5, padding=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * LENGTH // 2, 64),
    nn.ReLU(),
    nn.Linear(64, 2),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
epochs = 14
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for signal, places in DataLoader(TensorDataset(train_x, train_y), batch_size=64, shuffle=True):
        outputs = model(signal)
        target = best_order(outputs.detach(), places)
        loss = nn.functional.smooth_l1_loss(outputs, target, beta=0.02)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(signal)
    scheduler.step()
    if epoch % 4 == 1:
        print(f"epoch {epoch + 1}: loss {total / len(train_x):.5f}")

with torch.no_grad():
    outputs = model(test_x)
    error = (outputs - best_order(outputs, test_y)).abs().mean().item()
print(f"mean place error {error:.4f}")
