"""Overlapping blobs, accuracy checked before every epoch.

Fault: none
Looks like: eval_mode, since train() is never called again after eval(); the net has neither dropout nor batch normalisation, so both modes are the same.
Metric: final accuracy, higher is better; 0.2252 without learning
"""

import torch
import torch.nn as nn
from sklearn.datasets import make_blobs

torch.manual_seed(0)

X, y = make_blobs(n_samples=2400, centers=5, n_features=4, cluster_std=3.5, random_state=2)  # clinic: 3.5 | 4.5
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
X_train, y_train, X_test, y_test = X[:2000], y[:2000], X[2000:], y[2000:]

clf = nn.Sequential(
    nn.Linear(4, 32),
    nn.ReLU(),  # clinic: ReLU | Tanh
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 5),
)
opt = torch.optim.SGD(clf.parameters(), lr=0.03, momentum=0.9)  # clinic: lr=0.03 | lr=0.02
loss_func = nn.CrossEntropyLoss()


def accuracy():
    clf.eval()
    with torch.no_grad():
        return (clf(X_test).argmax(dim=1) == y_test).float().mean().item()


for epoch in range(10):
    acc = accuracy()
    order = torch.randperm(len(X_train))
    avg = 0
    for k in range(0, len(order), 50):
        b = order[k : k + 50]
        loss = loss_func(clf(X_train[b]), y_train[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        avg += loss.item() / 40
    print(f"before epoch {epoch}: acc {acc:.3f}   loss in it: {avg:.4f}")
print(f"final accuracy {accuracy():.3f}")
