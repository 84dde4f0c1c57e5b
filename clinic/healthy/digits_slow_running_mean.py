"""Digits with batch normalisation whose running statistics are slow, in a run that is long enough for them.

Fault: none
Looks like: lagging_statistics, since their momentum is a fifth of the usual one
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)
data = load_digits()
x = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(data.target)
loader = DataLoader(TensorDataset(x[:1440], y[:1440]), batch_size=48, shuffle=True)  # clinic: 48 | 32

width = 12  # clinic: 12 | 16
net = nn.Sequential(
    nn.Conv2d(1, width, 3, padding=1),
    nn.BatchNorm2d(width, momentum=0.02),  # clinic: momentum=0.02 | momentum=0.03
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(16 * width, 32),
    nn.BatchNorm1d(32, momentum=0.02),
    nn.ReLU(),
    nn.Linear(32, 10),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)  # clinic: torch.optim.Adam(net.parameters(), lr=2e-3) | torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(14):
    net.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        scores = net(x[1440:])
        print(f"{epoch}: {nn.functional.cross_entropy(scores, y[1440:]).item():.3f} {(scores.argmax(1) == y[1440:]).float().mean().item():.3f}")
