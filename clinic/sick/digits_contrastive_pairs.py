"""Contrastive embedding of handwritten digits: pairs of the same digit close together, others apart.

Fault: infinite_gradient
Fix: a small number inside the root, torch.sqrt(... + 1e-8): now and then a pair holds the same image twice, and the slope of the root at 0 is infinite
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

MARGIN = 1.5


def distance(a, b):
    return torch.sqrt(((a - b) ** 2).sum(dim=1))  # clinic: torch.sqrt(((a - b) ** 2).sum(dim=1)) | ((a - b) ** 2).sum(dim=1) ** 0.5 | (a - b).pow(2).sum(dim=1).sqrt()


def contrastive_loss(d, same):
    return (same * d**2 + (1 - same) * F.relu(MARGIN - d) ** 2).mean()


def nearest_accuracy(net, x, y):
    with torch.no_grad():
        z = net(x)
        d = torch.cdist(z[1500:], z[:1500])
    return (y[:1500][d.argmin(dim=1)] == y[1500:]).float().mean().item()


torch.manual_seed(6)  # clinic: seed(6) | seed(17) | seed(36)
data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32)
x = (x - x.mean()) / x.std()
y = torch.tensor(data.target)

net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))  # clinic: nn.Linear(64, 8) | nn.Linear(64, 12)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
batch_size = 32  # clinic: 32 | 24

for step in range(1, 601):
    first = torch.randint(1500, (batch_size,))
    second = torch.randint(1500, (batch_size,))
    same = (y[first] == y[second]).float()
    loss = contrastive_loss(distance(net(x[first]), net(x[second])), same)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.4f}, nearest neighbour right {nearest_accuracy(net, x, y):.3f}")
