"""Homework 1: handwritten digits.

Fault: no_zero_grad
Fix: call optimizer.zero_grad() before loss.backward()
"""

# HW1 - handwritten digits
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)

digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)

model = nn.Sequential(
    nn.Linear(64, 128),
    nn.ReLU(),
    nn.Linear(128, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)

loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

batch_size = 32
for epoch in range(25):
    order = torch.randperm(len(X))
    total = 0
    for i in range(0, len(X), batch_size):
        idx = order[i:i + batch_size]
        out = model(X[idx])
        loss = loss_fn(out, y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print("epoch", epoch, "loss", total / len(X))

with torch.no_grad():
    acc = (model(X).argmax(1) == y).float().mean().item()
print("train accuracy:", acc)
