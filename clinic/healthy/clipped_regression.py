"""Noisy regression with an MLP; gradients are clipped at norm 1.

Fault: none
Looks like: clipping_too_hard, since the norm exceeds 1 in most steps; the rate is chosen for the clipped gradient and the loss reaches the noise floor.
"""

import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, TensorDataset


def make_data(n, noise):
    X, y = make_friedman1(n_samples=n, n_features=8, noise=noise, random_state=7)
    X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
    y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
    return TensorDataset(X, y)


def fit(model, loader, epochs, lr, max_norm):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=max(1, epochs - 3), gamma=0.2)
    mse = nn.MSELoss()
    for epoch in range(epochs):
        total, clipped = 0.0, 0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = mse(model(xb).squeeze(-1), yb)
            loss.backward()
            norm = clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            total += loss.item()
            clipped += int(norm > max_norm)
        scheduler.step()
        print(f"epoch {epoch}: mse {total / len(loader):.4f} (clipped {clipped} of {len(loader)})")


torch.manual_seed(3)  # clinic: seed(3) | seed(31)
width = 96  # clinic: 96 | 128
net = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
data = make_data(2400, noise=3.0)  # clinic: 3.0 | 4.0
fit(net, DataLoader(data, batch_size=24, shuffle=True), epochs=5, lr=0.02, max_norm=1.0)
