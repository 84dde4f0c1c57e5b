"""Breast cancer with extra ratio features.

Fault: bad_data
Fix: avoid 0/0 in the ratio (e.g. divide by concavity + 1e-6, or np.nan_to_num the new columns): 13 rows get NaN
"""

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

np.seterr(all="ignore")
torch.manual_seed(100)

bunch = load_breast_cancer()
names = list(bunch.feature_names)


def column(name):
    return bunch.data[:, names.index(name)]


# feature engineering
extra = np.column_stack(
    [
        column("worst area") / column("mean area"),
        column("mean perimeter") ** 2 / column("mean area"),
        column("mean concave points") / column("mean concavity"),
    ]
)
X = np.hstack([bunch.data, extra])
X = (X - np.nanmean(X, axis=0)) / np.nanstd(X, axis=0)

dataset = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(bunch.target, dtype=torch.float32))
train_part, valid_part = random_split(dataset, [455, 114])
train_loader = DataLoader(train_part, batch_size=32, shuffle=True)  # clinic: batch_size=32 | batch_size=16
valid_loader = DataLoader(valid_part, batch_size=114)

net = nn.Sequential(
    nn.Linear(X.shape[1], 40),
    nn.LeakyReLU(0.1),  # clinic: nn.LeakyReLU(0.1) | nn.GELU() | nn.Tanh()
    nn.Linear(40, 1),
    nn.Flatten(0),
)
loss_function = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.002)  # clinic: Adam(net.parameters(), lr=0.002) | SGD(net.parameters(), lr=0.1)

for epoch in range(20):
    net.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_function(net(xb), yb)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        xv, yv = next(iter(valid_loader))
        scores = net(xv)
        acc = ((scores > 0) == (yv == 1)).float().mean().item()
    if epoch % 4 == 0:
        print(f"{epoch:2d} | train {loss.item():.4f} | valid acc {acc:.3f}")
print(f"done: train {loss.item():.4f} | valid acc {acc:.3f}")
