"""Hourly bike rentals: regress the logarithm of the count.

Fault: bad_data
Fix: by hand: use np.log1p(count) (and np.expm1 to go back): some hours have count 0, so log gives -inf
"""

import warnings

import numpy as np
import torch
import torch.nn as nn

warnings.filterwarnings("ignore")


def make_hours(n, seed):
    rng = np.random.default_rng(seed)
    hour = rng.integers(0, 24, n)
    temp = rng.normal(15, 8, n)
    rain = rng.random(n) < 0.2
    weekend = rng.random(n) < 2 / 7
    rate = 0.6 + 1.6 * np.cos(2 * np.pi * (hour - 15) / 24) + 0.05 * temp - 0.8 * rain + 0.2 * weekend
    count = rng.poisson(np.exp(rate + 1.0))
    X = np.stack([np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24), (temp - 15) / 8, rain, weekend], 1)
    return X.astype("float32"), count


class RentalNet(nn.Module):
    def __init__(self, width=32):  # clinic: width=32 | width=64
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(5, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )

    def forward(self, x):
        return self.net(x)[:, 0]


def main():
    torch.manual_seed(8)
    X, count = make_hours(3000, seed=8)  # clinic: seed=8 | seed=80
    target = np.log(count).astype("float32")
    X, target = torch.from_numpy(X), torch.from_numpy(target)

    model = RentalNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)  # clinic: Adam(model.parameters(), lr=0.003) | SGD(model.parameters(), lr=0.05)
    criterion = nn.MSELoss()
    for epoch in range(10):
        total = 0.0
        for idx in torch.randperm(len(X)).split(100):
            loss = criterion(model(X[idx]), target[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        print(f"epoch {epoch + 1:2d}: {total / len(X):.4f}")


if __name__ == "__main__":
    main()
