"""Digits by a small network with batch normalisation, brought over from another framework.

Fault: lagging_statistics
Fix: momentum=0.1 in the normalisations
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

BN_DECAY = 0.001  # clinic: 0.001 | 0.0005


def block(c_in, c_out):
    return [nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out, momentum=BN_DECAY), nn.ReLU()]  # clinic: momentum=BN_DECAY | 1e-5, BN_DECAY


torch.manual_seed(21)
images, labels = load_digits(return_X_y=True)
x = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(labels)
order = torch.randperm(len(x))
train, held_out = order[:1400], order[1400:]

width = 12  # clinic: 12 | 20
net = nn.Sequential(*block(1, width), nn.MaxPool2d(2), *block(width, 2 * width), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8 * width, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)  # clinic: torch.optim.Adam(net.parameters(), lr=3e-3) | torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

for epoch in range(6):
    net.train()
    seen = 0
    for batch in train[torch.randperm(1400)].split(50):  # clinic: 50 | 70
        loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(batch)
    net.eval()
    with torch.no_grad():
        right = (net(x[held_out]).argmax(1) == y[held_out]).float().mean().item()
    print(f"epoch {epoch}: train loss {seen / 1400:.3f}, held-out accuracy {right:.3f}")
