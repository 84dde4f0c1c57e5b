"""Waveform classification with many wrong labels, averaged weights and early stopping on a clean validation set.

Field: learning with noisy labels
Metric: test accuracy, higher is better; 0.208 without learning
"""

import copy
import math
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

CLASSES, LENGTH, WRONG = 6, 48, 0.5
DECAY = 0.97


def waveforms(n):
    """Draw sine, square, sawtooth, chirp, burst and two-tone signals with random phases and noise."""
    kind = torch.randint(CLASSES, (n,))
    t = torch.arange(LENGTH) / LENGTH
    phase = math.pi * torch.rand(n, 1)
    angle = 2 * math.pi * (3.0 + torch.rand(n, 1)) * t + phase
    shapes = torch.stack(
        [
            torch.sin(angle),
            torch.sign(torch.sin(angle)),
            (angle / math.pi) % 2 - 1,
            torch.sin(angle * (0.5 + t)),
            torch.sin(2 * angle) * torch.exp(-20 * (t - torch.rand(n, 1)) ** 2) * 1.6,
            0.7 * torch.sin(angle) + 0.7 * torch.sin(2.5 * angle),
        ]
    )
    x = shapes[kind, torch.arange(n)] + 0.2 * torch.randn(n, LENGTH)
    return x, kind


class WaveNet(nn.Module):
    """A recomputed trunk of dense layers and a linear output."""

    def __init__(self, width=128):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(LENGTH, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 32), nn.ReLU()
        )
        self.out = nn.Linear(32, CLASSES)

    def forward(self, x):
        """Return logits; the trunk keeps no activations."""
        return self.out(checkpoint(self.trunk, x, use_reentrant=False))


@torch.no_grad()
def update_average(average, model):
    """Exponential moving average of the weights."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - DECAY)


@torch.no_grad()
def accuracy(model, x, y):
    """Share of correct classes."""
    model.eval()
    return (model(x).argmax(dim=1) == y).float().mean().item()


def main():
    """Train, keep the best averaged weights, export them and test the export."""
    torch.manual_seed(0)
    (x, y), (x_valid, y_valid), (x_test, y_test) = waveforms(1500), waveforms(400), waveforms(2000)
    wrong = torch.rand(len(y)) < WRONG
    noisy = torch.where(wrong, torch.randint(CLASSES, (len(y),)), y)
    loader = DataLoader(TensorDataset(x, noisy), batch_size=50, shuffle=True)

    model = WaveNet()
    average = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    best, best_average = 0.0, None
    for epoch in range(1, 41):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = F.cross_entropy(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            update_average(average, model)
            total += loss.item() / len(loader)
        score = accuracy(average, x_valid, y_valid)
        if score > best:
            best = score
            best_average = copy.deepcopy(average)
        if epoch % 10 == 0:
            print(f"epoch {epoch}  loss {total:.4f}  validation {score:.4f}  best {best:.4f}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best.pt"
        torch.save(best_average.state_dict(), path)
        exported = WaveNet()
        exported.load_state_dict(torch.load(path))
    print(f"test accuracy {accuracy(exported, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
