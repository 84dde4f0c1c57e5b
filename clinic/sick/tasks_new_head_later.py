"""Train on the first five digits, then give the network a new body and go on with all ten.

Fault: parameters_not_in_optimizer
Fix: a new optimizer for the new network
"""

import torch
from sklearn.datasets import load_digits
from torch import nn


def layers(width, classes):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, classes))


class Network(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = layers(width, 5)

    def forward(self, x):
        return self.body(x)


def fit(net, optimizer, x, y, passes):
    for _ in range(passes):
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
    print(f"loss {loss.item():.4f}")


if __name__ == "__main__":
    torch.manual_seed(12)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 16
    y = torch.tensor(digits.target)
    width = 48  # clinic: 48 | 32 | 80
    net = Network(width)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)  # clinic: lr=3e-3 | lr=2e-3
    few = y < 5
    fit(net, optimizer, x[few], y[few], passes=4)
    net.body = layers(width, 10)
    fit(net, optimizer, x, y, passes=12)
