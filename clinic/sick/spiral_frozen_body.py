"""Three-armed spiral: a feature body with a new classification head.

Fault: frozen_or_detached
Fix: do not set requires_grad = False on the body: its weights are random, not pretrained
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def spiral(n_per_arm, arms=3, noise=0.08, seed=0):
    rng = np.random.RandomState(seed)
    xs, ys = [], []
    for k in range(arms):
        r = np.linspace(0.1, 1.0, n_per_arm)
        theta = 2 * np.pi * k / arms + 4.5 * r + noise * rng.randn(n_per_arm)
        xs.append(np.c_[r * np.cos(theta), r * np.sin(theta)])
        ys.append(np.full(n_per_arm, k))
    return np.concatenate(xs).astype(np.float32) * 1.7, np.concatenate(ys)


class Body(nn.Module):
    def __init__(self, width=24):  # clinic: 24 | 40
        super().__init__()
        self.l1 = nn.Linear(2, width)
        self.l2 = nn.Linear(width, width)
        self.l3 = nn.Linear(width, width)
        self.width = width

    def forward(self, x):
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        return F.relu(self.l3(x))


class Classifier(nn.Module):
    def __init__(self, body, n_classes):
        super().__init__()
        self.body = body
        for param in self.body.parameters():
            param.requires_grad = False
        self.head = nn.Linear(body.width, n_classes)

    def forward(self, x):
        return self.head(self.body(x))


torch.manual_seed(0)
X, y = spiral(300)
X, y = torch.from_numpy(X), torch.from_numpy(y)
clf = Classifier(Body(), 3)
optim = torch.optim.Adam([p for p in clf.parameters() if p.requires_grad], lr=0.01)  # clinic: Adam | AdamW

n_steps, bs = 500, 64  # clinic: 500, 64 | 400, 128
for step in range(n_steps):
    idx = torch.randint(0, len(X), (bs,))
    loss = F.cross_entropy(clf(X[idx]), y[idx])
    optim.zero_grad()
    loss.backward()
    optim.step()
    if step % 100 == 99:
        print(f"step {step + 1} batch loss {loss.item():.4f}")

with torch.no_grad():
    out = clf(X)
    print(f"loss {F.cross_entropy(out, y).item():.4f} accuracy {(out.argmax(1) == y).float().mean().item():.4f}")
