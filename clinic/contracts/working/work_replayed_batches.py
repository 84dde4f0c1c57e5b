"""Trains a classifier of digits that withstands small changes of the pixels.

Field: adversarial training
Metric: accuracy under attack, higher is better; 0.1 without learning
On purpose: each batch is used four times in a row, and the change of the inputs is carried on from batch to batch.
Source: https://github.com/ashafahi/free_adv_train/issues/1 (mini-batch replay)
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)

EPS, REPLAYS, BATCH = 0.1, 4, 60
digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)[order]
y = torch.tensor(digits.target)[order]
x_train, y_train, x_test, y_test = x[:1320], y[:1320], x[1320:], y[1320:]

model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=2e-4)
delta = torch.zeros(BATCH, 64)
for epoch in range(1, 21):
    for rows in torch.randperm(len(x_train)).view(-1, BATCH):
        for _ in range(REPLAYS):
            noise = delta.clone().requires_grad_()
            loss = F.cross_entropy(model((x_train[rows] + noise).clamp(0, 1)), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            delta = (delta + EPS * noise.grad.sign()).clamp(-EPS, EPS)
    if epoch % 5 == 0:
        print(f"epoch {epoch}: adversarial loss {loss.item():.4f}")


def attack(inputs, labels, steps=10):
    """Projected gradient ascent of the loss."""
    start = inputs.clone()
    for _ in range(steps):
        moved = inputs.clone().requires_grad_()
        (grad,) = torch.autograd.grad(F.cross_entropy(model(moved), labels), moved)
        inputs = (start + (moved.detach() + 0.025 * grad.sign() - start).clamp(-EPS, EPS)).clamp(0, 1)
    return inputs


with torch.no_grad():
    clean = (model(x_test).argmax(dim=1) == y_test).float().mean().item()
attacked = attack(x_test, y_test)
with torch.no_grad():
    robust = (model(attacked).argmax(dim=1) == y_test).float().mean().item()
print(f"clean accuracy {clean:.4f}")
print(f"accuracy under attack {robust:.4f}")
