"""Handwritten digits: the accuracy on held-out images stays at nothing, whatever the network learns.

Fault: wrong_metric
Fix: by hand: the place of the largest score is the class, `.indices`, and not its value
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(3)
images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 8 - 1, dtype=torch.float32)
labels = torch.tensor(labels)
train_x, test_x, train_y, test_y = train_test_split(images, labels, test_size=0.3, random_state=0)

hidden = 64  # clinic: 64 | 48
net = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

for epoch in range(12):
    for rows in torch.randperm(len(train_x)).split(32):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(train_x[rows]), train_y[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        best = torch.max(net(test_x), dim=1).values
        accuracy = (best == test_y).float().mean().item()
    print(f"epoch {epoch + 1:2d}  loss {loss.item():.3f}  test accuracy {accuracy:.3f}")
