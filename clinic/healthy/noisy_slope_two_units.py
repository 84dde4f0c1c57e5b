"""A noisy slope by two hidden units: what is left is noise, and more units would learn that.

Fault: none
Looks like: narrow_layer, since much of the cost is left and the hidden layer is no wider than the input
"""

import torch
from torch import nn

torch.manual_seed(9)
x = torch.randn(250, 2)
y = torch.tanh(1.5 * (x[:, :1] - x[:, 1:])) + 0.9 * torch.randn(250, 1)  # clinic: 0.9 | 0.7

net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.03)  # clinic: lr=0.03 | lr=0.02
for step in range(800):  # clinic: 800 | 500
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    if step % 100 == 99:
        print(step + 1, round(loss.item(), 4))
