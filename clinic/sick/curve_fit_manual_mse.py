"""Fit a damped oscillation with a one-input network, full batch.

Fault: broadcasting
Fix: subtract vectors of the same shape: use ((pred.squeeze(1) - y) ** 2).mean(), or keep y as a column
"""
import math

import torch

torch.manual_seed(4)

x = torch.linspace(-3, 3, 256).reshape(-1, 1)
y = torch.exp(-0.3 * x[:, 0] ** 2) * torch.cos(2.5 * x[:, 0]) * 2  # clinic: torch.cos(2.5 * x[:, 0]) | torch.sin(2 * x[:, 0])
y = y + 0.05 * torch.randn(256)

H = 50  # clinic: 50 | 80
net = torch.nn.Sequential(
    torch.nn.Linear(1, H),
    torch.nn.Tanh(),
    torch.nn.Linear(H, H),
    torch.nn.Tanh(),
    torch.nn.Linear(H, 1),
)
opt = torch.optim.Adam(net.parameters(), lr=0.005)  # clinic: 0.005 | 0.003

for it in range(1, 601):
    pred = net(x)
    loss = ((pred - y) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 100 == 0:
        print("iteration", it, "loss", round(loss.item(), 5))

with torch.no_grad():
    fit = net(x).flatten()
for k in range(0, 256, 51):
    print(f"x = {x[k].item():+.2f}   data {y[k].item():+.3f}   fit {fit[k].item():+.3f}")
print("rms error:", round(math.sqrt((fit - y).pow(2).mean().item()), 4))
