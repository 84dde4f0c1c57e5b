"""Digit recognition with a configurable MLP builder.

Fault: output_loss_mismatch
Fix: no ReLU after the last linear layer (add the activation only between layers)
"""

import numpy as np
import torch
from sklearn.datasets import load_digits


def mlp(sizes):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(torch.nn.Linear(sizes[i], sizes[i + 1]))
        layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def batches(X, y, batch_size):
    idx = np.random.permutation(len(X))
    for k in range(0, len(X), batch_size):
        j = idx[k : k + batch_size]
        yield torch.from_numpy(X[j]), torch.from_numpy(y[j])


def train(model, X, y, n_epochs=8, batch_size=32, lr=0.1):  # clinic: lr=0.1 | lr=0.2
    loss_fn = torch.nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.5)
    for epoch in range(n_epochs):
        losses = []
        for xb, yb in batches(X, y, batch_size):
            loss = loss_fn(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        print("epoch", epoch, "loss", round(float(np.mean(losses)), 4))


def test(model, X, y):
    with torch.no_grad():
        pred = model(torch.from_numpy(X)).argmax(dim=1).numpy()
    print("accuracy", round(float((pred == y).mean()), 4))


np.random.seed(0)
torch.manual_seed(0)  # clinic: manual_seed(0) | manual_seed(4)
X, y = load_digits(return_X_y=True)
X = ((X - X.mean()) / X.std()).astype(np.float32)
model = mlp([64, 50, 10])  # clinic: [64, 50, 10] | [64, 32, 32, 10]
train(model, X[:1500], y[:1500])
test(model, X[1500:], y[1500:])
