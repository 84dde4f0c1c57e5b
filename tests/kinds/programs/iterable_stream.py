"""A stream without an end or a length; sick: a learning rate far too small."""

import itertools

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Waves(IterableDataset):
    def __iter__(self):
        generator = torch.Generator().manual_seed(0)
        while True:
            phase = torch.rand((), generator=generator) * 6.28
            times = torch.linspace(0, 6.28, 24)
            noise = 0.1 * torch.randn(24, generator=generator)
            yield torch.sin(times + phase) + noise, torch.stack([phase.sin(), phase.cos()])


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(24, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)  # sick: lr=0.1 | lr=1e-5
criterion = nn.MSELoss()
for step, (signals, phases) in enumerate(itertools.islice(DataLoader(Waves(), batch_size=32), 120)):
    optimizer.zero_grad()
    loss = criterion(model(signals), phases)
    loss.backward()
    optimizer.step()
    print(step, loss.item())
