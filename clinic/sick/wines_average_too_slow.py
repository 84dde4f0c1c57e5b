"""Wines are assigned to growers by a network whose averaged weights are used for the test.

Fault: copy_not_updated
Fix: average_decay
"""

import copy

import torch
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(3)  # clinic: manual_seed(3) | manual_seed(8)
wines = load_wine()
x = torch.tensor(wines.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(wines.target)
test = torch.arange(len(x)) % 3 == 0


def update(average, network, decay=0.9999):  # clinic: decay=0.9999 | decay=0.9998
    with torch.no_grad():
        for mean, new in zip(average.parameters(), network.parameters()):
            mean.mul_(decay).add_(new, alpha=1 - decay)


network = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 3))
average = copy.deepcopy(network)
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(40):
    for rows in torch.randperm(int((~test).sum())).split(16):
        loss = criterion(network(x[~test][rows]), y[~test][rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update(average, network)
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: training loss {loss.item():.4f}")

with torch.no_grad():
    scores = average(x[test])
print(f"test accuracy {(scores.argmax(1) == y[test]).float().mean():.4f}")
print(f"test loss {criterion(scores, y[test]):.4f}")
