"""Plain gradient descent at a high rate on all the data of a noisy regression.

Fault: none
Looks like: instability or oscillation, since the rate times the largest curvature climbs to about 2; the loss falls down to the noise and half the rate ends higher.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)  # clinic: seed(0) | seed(1)

X = torch.randn(3000, 5)
y = torch.sin(1.5 * X[:, 0]) + 0.8 * torch.tanh(2 * X[:, 1]) * X[:, 2] + 0.4 * torch.randn(3000)
y = (y - y.mean()) / y.std()

width = 40  # clinic: 40 | 30
net = nn.Sequential(nn.Linear(5, width), nn.Tanh(), nn.Linear(width, 1))
gd = torch.optim.SGD(net.parameters(), lr=0.13)  # clinic: lr=0.13 | lr=0.12

for step in range(400):
    gd.zero_grad()
    loss = F.mse_loss(net(X).squeeze(1), y)
    loss.backward()
    gd.step()
    if step % 40 == 0 or step == 399:
        print(f"step {step}: loss {loss.item():.5f}")
