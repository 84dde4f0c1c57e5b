"""Handwritten digits; the images of the test are taken in another order at each evaluation.

Fault: unreadable
Fix: the labels in the same order: y_test[picked]
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(2)
data = load_digits()
x = torch.tensor(data.data / 16, dtype=torch.float32)
y = torch.tensor(data.target)
order = torch.randperm(len(x))
x_train, y_train, x_test, y_test = x[order[:1400]], y[order[:1400]], x[order[1400:]], y[order[1400:]]
hidden = 64  # clinic: 64 | 48 | 96
model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)


@torch.no_grad()
def evaluate():
    picked = torch.randperm(len(x_test))
    return (model(x_test[picked]).argmax(1) == y_test).float().mean().item()


for epoch in range(10):
    for rows in torch.randperm(len(x_train)).split(64):
        loss = nn.functional.cross_entropy(model(x_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f} test accuracy {evaluate():.3f}")
