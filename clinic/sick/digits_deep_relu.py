"""A deep ReLU network for the digits, trained with Adam.

Fault: bad_initialisation or exploding_gradients
Fix: Kaiming initialisation
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


def mlp(sizes):
    modules = []
    for a, b in zip(sizes, sizes[1:]):
        lin = nn.Linear(a, b)
        nn.init.normal_(lin.weight)
        nn.init.normal_(lin.bias)
        modules += [lin, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def batches(x, y, size, rng):
    order = rng.permutation(len(x))
    for s in range(0, len(x), size):
        yield x[order[s : s + size]], y[order[s : s + size]]


def main():
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    x, y = load_digits(return_X_y=True)
    x = (x - 8.0) / 8.0
    xtr, xte, ytr, yte = train_test_split(x, y, test_size=300, random_state=3)
    xtr, xte = torch.tensor(xtr).float(), torch.tensor(xte).float()
    ytr, yte = torch.tensor(ytr), torch.tensor(yte)

    hidden = [64] * 5  # clinic: [64] * 5 | [100] * 4 | [50] * 6
    net = mlp([64, *hidden, 10])
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)  # clinic: lr=1e-3 | lr=2e-3 | lr=5e-4
    ce = nn.CrossEntropyLoss()
    for epoch in range(10):
        for xb, yb in batches(xtr, ytr, 50, rng):  # clinic: 50 | 40 | 64
            opt.zero_grad()
            loss = ce(net(xb), yb)
            loss.backward()
            opt.step()
        with torch.no_grad():
            tr, te = ce(net(xtr), ytr).item(), (net(xte).argmax(1) == yte).float().mean().item()
        print(f"epoch {epoch}: train loss {tr:.4f}, test accuracy {te:.3f}")


main()
