"""Separate two interleaved half moons.

Fault: slow_progress
Fix: raise the learning rate (to about 0.5)
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons


def make_data(n, seed):
    points, labels = make_moons(n_samples=n, noise=0.1, random_state=seed)
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    return torch.as_tensor(points, dtype=torch.float32), torch.as_tensor(labels)


def build(width):
    return torch.nn.Sequential(
        torch.nn.Linear(2, width),
        torch.nn.ReLU(),
        torch.nn.Linear(width, width),
        torch.nn.ReLU(),
        torch.nn.Linear(width, 2),
    )


def train_one_epoch(clf, optim, x, y, batch_size):
    shuffled = torch.randperm(x.size(0))
    for idx in shuffled.split(batch_size):
        optim.zero_grad()
        F.cross_entropy(clf(x[idx]), y[idx]).backward()
        optim.step()


@torch.no_grad()
def evaluate(clf, x, y):
    scores = clf(x)
    return F.cross_entropy(scores, y).item(), (scores.argmax(dim=1) == y).float().mean().item()


torch.manual_seed(4)
x_train, y_train = make_data(600, seed=10)
x_val, y_val = make_data(200, seed=11)
clf = build(32)  # clinic: 32 | 20 | 64
optim = torch.optim.SGD(clf.parameters(), lr=2e-5)  # clinic: lr=2e-5 | lr=5e-6 | lr=1e-4
for epoch in range(40):
    train_one_epoch(clf, optim, x_train, y_train, batch_size=50)  # clinic: =50 | =60 | =100
    if (epoch + 1) % 10 == 0:
        train_loss, train_acc = evaluate(clf, x_train, y_train)
        val_loss, val_acc = evaluate(clf, x_val, y_val)
        print(f"{epoch + 1:3d} | train {train_loss:.4f} {train_acc:.3f} | val {val_loss:.4f} {val_acc:.3f}")
