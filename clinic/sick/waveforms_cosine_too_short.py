"""Classify waveforms (sine, square, sawtooth, triangle) with 1-D convolutions.

Fault: schedule
Fix: make the cosine span the run: divide by num_epochs * steps_per_epoch instead of num_epochs (or step the scheduler once per epoch)
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(17)
rng = np.random.default_rng(17)


def waveforms(n, length=48):
    kind = rng.integers(0, 4, n)
    phase = rng.random((n, 1)) + rng.uniform(1.5, 3.0, (n, 1)) * np.linspace(0, 1, length)
    frac = phase % 1.0
    shapes = np.stack([np.sin(2 * np.pi * phase), np.sign(frac - 0.5), 2 * frac - 1, 4 * np.abs(frac - 0.5) - 1])
    wave = shapes[kind, np.arange(n)] + 0.25 * rng.standard_normal((n, length))
    return torch.tensor(wave, dtype=torch.float32).unsqueeze(1), torch.tensor(kind)


class WaveNet1d(nn.Module):
    def __init__(self, ch=16):  # clinic: ch=16 | ch=24
        super().__init__()
        self.c1 = nn.Conv1d(1, ch, 5, padding=2)
        self.c2 = nn.Conv1d(ch, ch, 5, padding=2)
        self.fc = nn.Linear(ch * 12, 4)

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.c1(x)), 2)
        x = F.max_pool1d(F.relu(self.c2(x)), 2)
        return self.fc(x.flatten(1))


x_train, y_train = waveforms(1600)
x_test, y_test = waveforms(400)

num_epochs = 10  # clinic: 10 | 8
batch_size = 40
model = WaveNet1d()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)  # clinic: Adam(model.parameters(), lr=3e-3) | SGD(model.parameters(), lr=0.1, momentum=0.9)


def cosine(t):
    return 0.5 * (1 + math.cos(math.pi * min(1.0, t / num_epochs)))


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, cosine)

for epoch in range(num_epochs):
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(batch_size):
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(idx)
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch}  train loss {total / len(x_train):.3f}  test acc {acc:.3f}")
