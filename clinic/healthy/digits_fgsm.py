"""Adversarial training on the digits: every batch is also shifted by the sign of the gradient of its loss.

Fault: none
Looks like: frozen_or_detached, since torch.autograd.grad is called without create_graph and the shifted images are detached; the attack is an input like any other and the weights learn from the loss on it.
Metric: test accuracy, higher is better; 0.1082 without learning
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


def attack(model, x, y, size):
    x = x.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(F.cross_entropy(model(x), y), x)
    return (x + size * slope.sign()).detach()


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(0)  # clinic: seed(0) | seed(24)
X, y = load_digits(return_X_y=True)
X = (X - X.mean()) / X.std()
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
train_x, test_x, train_y, test_y = train_test_split(X, y, train_size=1400, random_state=0)

model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))  # clinic: nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10) | nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
size = 0.15  # clinic: 0.15 | 0.1

for epoch in range(20):
    total = 0.0
    for rows in torch.randperm(1400).split(50):
        x, target = train_x[rows], train_y[rows]
        shifted = attack(model, x, target, size)
        loss = 0.5 * F.cross_entropy(model(x), target) + 0.5 * F.cross_entropy(model(shifted), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    if epoch % 4 == 3:
        clean = accuracy(model, test_x, test_y)
        attacked = accuracy(model, attack(model, test_x, test_y, size), test_y)
        print(f"epoch {epoch + 1} loss {total / 1400:.4f} test accuracy {clean:.3f}, attacked {attacked:.3f}")
