"""Digits by Adam.

Fault: instability
Fix: lr=0.001
"""

import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser(description="digit classifier")
parser.add_argument("--lr", type=float, default=0.3)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch-size", type=int, default=64)
opt = parser.parse_args()

torch.manual_seed(99)
x, y = load_digits(return_X_y=True)
x = torch.from_numpy(x).float() / 16.
x = (x - x.mean()) / x.std()
y = torch.from_numpy(y).long()

n_train = 1500
x_train, y_train = x[:n_train], y[:n_train]
x_test, y_test = x[n_train:], y[n_train:]


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 100)
        self.fc2 = nn.Linear(100, 50)
        self.fc3 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


net = DigitNet()
optimizer = torch.optim.Adam(net.parameters(), lr=opt.lr)

for epoch in range(opt.epochs):
    perm = torch.randperm(n_train)
    sum_loss = 0.
    for b in perm.split(opt.batch_size):
        loss = F.cross_entropy(net(x_train[b]), y_train[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sum_loss += loss.item() * len(b)
    with torch.no_grad():
        tr = (net(x_train).argmax(1) == y_train).float().mean().item()
        te = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {sum_loss / n_train:.3f}, train acc {tr:.3f}, test acc {te:.3f}")
