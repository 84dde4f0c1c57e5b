"""Plain gradient descent at a high rate on a thousand digits, squared error on one-hot targets.

Fault: none
Looks like: instability or oscillation, since the loss is not monotone and the rate times the curvature hovers around 2; the loss falls all the way and a smaller rate ends higher.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)  # clinic: seed(0) | seed(1)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X[:1000], dtype=torch.float32)
X = (X - X.mean()) / X.std()
target = F.one_hot(torch.tensor(y[:1000]), 10).float()

width = 80  # clinic: 80 | 60
net = nn.Sequential(nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 10))
gd = torch.optim.SGD(net.parameters(), lr=0.5)  # clinic: lr=0.5 | lr=0.4

for step in range(400):
    gd.zero_grad()
    loss = F.mse_loss(net(X), target)
    loss.backward()
    gd.step()
    if step % 40 == 0 or step == 399:
        acc = (net(X).argmax(1) == target.argmax(1)).float().mean().item()
        print(f"step {step}: loss {loss.item():.5f} train acc {acc:.3f}")
