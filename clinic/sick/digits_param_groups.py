"""Digits with separate learning rates for the body and the head.

Fault: layer_rate_mismatch
Fix: the same rate for both parameter groups
"""

import torch
from sklearn.datasets import load_digits
from torch import nn


class Classifier(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.body(x))


torch.manual_seed(15)
d = load_digits()
x = torch.tensor(d.data, dtype=torch.float32)
x = (x - x.mean()) / x.std()
y = torch.tensor(d.target)

clf = Classifier(width=16)  # clinic: width=16 | width=12 | width=20
optimizer = torch.optim.SGD(
    [
        {"params": clf.body.parameters(), "lr": 1e-6},  # clinic: 1e-6 | 1e-7 | 1e-5
        {"params": clf.head.parameters(), "lr": 0.05},
    ],
    momentum=0.9,
)
criterion = nn.CrossEntropyLoss()

for epoch in range(12):
    order = torch.randperm(len(x))
    for i in range(0, len(x), 64):  # clinic: 64 | 50 | 80
        rows = order[i : i + 64]
        loss = criterion(clf(x[rows]), y[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        logits = clf(x)
        acc = (logits.argmax(1) == y).float().mean().item()
        print(f"epoch {epoch + 1}: loss {criterion(logits, y).item():.4f} accuracy {acc:.3f}")
