"""Two moons with a logistic output, training in plain functions.

Fault: negated_loss
Fix: call loss.backward() instead of (-loss).backward(): the optimizer minimises by itself
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch import nn, optim


def get_batches(x, y, size, generator):
    order = torch.randperm(x.shape[0], generator=generator)
    for chunk in torch.split(order, size):
        yield x[chunk], y[chunk]


def step(net, optimizer, xb, yb):
    optimizer.zero_grad()
    prob = torch.sigmoid(net(xb)).squeeze(-1)
    loss = F.binary_cross_entropy(prob, yb)
    (-loss).backward()
    optimizer.step()
    return loss.item()


def accuracy(net, x, y):
    with torch.no_grad():
        return ((net(x).squeeze(-1) > 0).float() == y).float().mean().item()


torch.manual_seed(12)
g = torch.Generator().manual_seed(12)
xs, ys = make_moons(n_samples=1000, noise=0.15, random_state=0)
xs = torch.as_tensor(xs, dtype=torch.float32) - torch.tensor([0.5, 0.25])
ys = torch.as_tensor(ys, dtype=torch.float32)
x_tr, y_tr, x_te, y_te = xs[:800], ys[:800], xs[800:], ys[800:]

net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))  # clinic: nn.Linear(2, 32), nn.ReLU() | nn.Linear(2, 32), nn.Tanh()
optimizer = optim.Adam(net.parameters(), lr=2e-3)  # clinic: Adam(net.parameters(), lr=2e-3) | SGD(net.parameters(), lr=0.1)

for epoch in range(12):
    losses = [step(net, optimizer, xb, yb) for xb, yb in get_batches(x_tr, y_tr, 40, g)]  # clinic: 40, g | 25, g
    print(f"epoch={epoch} bce={sum(losses) / len(losses):.4f} acc={accuracy(net, x_te, y_te):.3f}")
