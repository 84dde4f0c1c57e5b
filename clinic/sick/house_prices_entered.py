"""Predict prices from a handful of attributes (synthetic market data).

Fault: outliers
Fix: a robust loss (HuberLoss or L1Loss)
"""

import numpy as np
import torch
from torch import nn


def make_market(n, seed):
    rng = np.random.default_rng(seed)
    attributes = rng.normal(size=(n, 6))
    price = 2.0 * attributes[:, 0] - attributes[:, 1] + 0.8 * np.tanh(2 * attributes[:, 2]) + 0.1 * rng.normal(size=n)
    return attributes.astype(np.float32), price.astype(np.float32), rng


class PriceModel(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, a):
        return self.net(a).squeeze(1)


def main():
    torch.manual_seed(0)
    attributes, price, rng = make_market(600, seed=42)
    entered = price.copy()
    rows = rng.choice(600, size=6, replace=False)  # clinic: size=6 | size=4 | size=9
    entered[rows] *= 1000

    a, target, checked = map(torch.from_numpy, (attributes, entered, price))
    model = PriceModel(hidden=32)  # clinic: hidden=32 | hidden=24 | hidden=64
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # clinic: lr=0.01 | lr=0.005 | lr=0.02
    for epoch in range(20):
        total = 0.0
        for idx in torch.randperm(600).split(50):
            loss = loss_fn(model(a[idx]), target[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx) / 600
        if epoch % 4 == 3:
            with torch.no_grad():
                error = (model(a) - checked).abs().median().item()
            print(f"epoch {epoch + 1}: training loss {total:.3f}, median error against the checked prices {error:.4f}")


if __name__ == "__main__":
    main()
