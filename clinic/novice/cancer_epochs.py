"""Benign or malignant, shuffled every epoch.

Fault: no_signal
Fix: by hand: one permutation for inputs and labels
"""

import torch
from torch import nn
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler


def load():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    return torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32).view(-1, 1)


def shuffle(data):
    return data[torch.randperm(len(data))]


def accuracy(model, X, y):
    with torch.no_grad():
        return ((model(X) > 0.5).float() == y).float().mean().item()


def main():
    torch.manual_seed(3)
    X, y = load()
    model = nn.Sequential(
        nn.Linear(30, 16),
        nn.ReLU(),
        nn.Linear(16, 1),
        nn.Sigmoid(),
    )
    loss_fn = nn.BCELoss()
    opt = torch.optim.Adam(model.parameters(), lr=0.005)

    for epoch in range(40):
        X = shuffle(X)
        y = shuffle(y)
        total, n = 0.0, 0
        for i in range(0, len(X), 32):
            xb, yb = X[i:i + 32], y[i:i + 32]
            loss = loss_fn(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
            n += 1
        print(f"epoch {epoch:2d} | loss {total / n:.4f} | acc {accuracy(model, X, y):.3f}")


main()
