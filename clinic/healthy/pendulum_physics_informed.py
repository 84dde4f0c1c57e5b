"""A damped oscillation from noisy measurements and its equation, u'' + 0.4 u' + 4 u = 0, as a penalty.

Fault: none
Looks like: frozen_or_detached or several backward passes, since the loss holds derivatives from torch.autograd.grad; create_graph=True keeps them on the graph.
Metric: largest error, lower is better; 1.104 without learning
"""

import torch
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(14)


def solution(t):
    return torch.exp(-0.2 * t) * (torch.cos(3.96**0.5 * t) + 0.2 / 3.96**0.5 * torch.sin(3.96**0.5 * t))


class Oscillation(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, t):
        return self.net(t - 2.0)


def derivative(u, t):
    return torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]


def residual(model, t):
    u = model(t)
    du = derivative(u, t)
    ddu = derivative(du, t)
    return ddu + 0.4 * du + 4 * u


t_data = 4 * torch.rand(200, 1)
u_data = solution(t_data) + 0.1 * torch.randn(200, 1)
model = Oscillation(width=32)  # clinic: width=32 | width=40
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
weight = 0.02  # clinic: 0.02 | 0.01

for step in range(1, 1201):
    t = (4 * torch.rand(64, 1)).requires_grad_()
    data_loss = ((model(t_data) - u_data) ** 2).mean()
    physics_loss = (residual(model, t) ** 2).mean()
    loss = data_loss + weight * physics_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 150 == 0:
        with torch.no_grad():
            grid = torch.linspace(0, 4, 200)[:, None]
            error = (model(grid) - solution(grid)).abs().max().item()
        print(f"{step:5d} data {data_loss.item():.5f} physics {physics_loss.item():.5f} largest error {error:.3f}")
