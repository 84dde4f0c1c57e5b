"""Classifies sensor recordings with a GRU; all tensors have the time first.

Field: time series classification
Metric: test accuracy, higher is better; 0.25 without learning
On purpose: batches are (time, batch, sensors), so means and the last state are taken along dimension 0.
Source: time-first batches, https://github.com/pytorch/examples/pull/245
"""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

TIME, SENSORS = 24, 3


class Recordings(Dataset):
    """Noisy oscillations of four frequencies with random phases and offsets."""

    def __init__(self, n):
        self.labels = torch.randint(4, (n,))
        frequency = torch.tensor([1.0, 1.8, 2.6, 3.4])[self.labels]
        angle = 2 * math.pi * frequency[:, None] * torch.arange(TIME) / TIME + 6.3 * torch.rand(n, 1)
        waves = torch.stack([angle.sin(), angle.cos(), (2 * angle).sin()], dim=2)
        self.signals = waves + 0.5 * torch.randn(n, TIME, SENSORS) + 2.0 * torch.randn(n, 1, SENSORS)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.signals[i], self.labels[i]


def time_first(batch):
    """Gives (time, batch, sensors) and labels."""
    signals, labels = zip(*batch)
    return torch.stack(signals, dim=1), torch.stack(labels)


class Recogniser(nn.Module):
    """Removes the offset of each recording and reads it."""

    def __init__(self, width=32):
        super().__init__()
        self.gru = nn.GRU(SENSORS, width)
        self.out = nn.Linear(2 * width, 4)

    def forward(self, signals):
        """Gives logits from the last state and the mean state."""
        signals = signals - signals.mean(dim=0, keepdim=True)
        states, _ = self.gru(signals)
        return self.out(torch.cat([states[-1], states.mean(dim=0)], dim=-1))


torch.manual_seed(0)
train_loader = DataLoader(Recordings(2000), batch_size=50, shuffle=True, collate_fn=time_first)
test_loader = DataLoader(Recordings(600), batch_size=100, collate_fn=time_first)
model = Recogniser()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
for epoch in range(8):
    model.train()
    total = 0.0
    for signals, labels in train_loader:
        loss = criterion(model(signals), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / len(train_loader):.4f}")

model.eval()
with torch.no_grad():
    hits = [(model(signals).argmax(dim=1) == labels).float() for signals, labels in test_loader]
print(f"test accuracy {torch.cat(hits).mean().item():.4f}")
