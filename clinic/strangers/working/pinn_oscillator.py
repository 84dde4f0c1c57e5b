"""Damped oscillator u'' + 2 d u' + w0^2 u = 0 solved with a neural network."""
import math

import torch
import torch.nn as nn

torch.manual_seed(0)
torch.set_num_threads(1)
d, w0, t_end = 0.6, 5.0, 1.5


def exact(t):
    w = math.sqrt(w0 ** 2 - d ** 2)
    return torch.exp(-d * t) * (torch.cos(w * t) + d / w * torch.sin(w * t))


class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(),
            nn.Linear(width, width), nn.Tanh(),
            nn.Linear(width, 1),
        )

    def forward(self, t):
        return self.layers(w0 * (t - t_end / 2))


def grad(y, x):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]


net = Net()
lr0, lr_end, n_iter = 1e-2, 5e-5, 2500
decay = (lr_end / lr0) ** (1 / n_iter)
optimizer = torch.optim.Adam(net.parameters(), lr=lr0)

t_test = torch.linspace(0, t_end, 301).unsqueeze(1)
u_test = exact(t_test)


def relative_error():
    with torch.no_grad():
        return ((net(t_test) - u_test).norm() / u_test.norm()).item()


print(f"relative error at start {relative_error():.3f}")
for it in range(n_iter):
    for g in optimizer.param_groups:
        g["lr"] = lr0 * decay ** it

    t = torch.rand(64, 1) * t_end
    t.requires_grad_(True)
    u = net(t)
    du = grad(u, t)
    residual = grad(du, t) + 2 * d * du + w0 ** 2 * u

    t0 = torch.zeros(1, 1, requires_grad=True)
    u0 = net(t0)
    du0 = grad(u0, t0)
    loss_ic = (u0 - 1).pow(2).mean() + 1e-1 * du0.pow(2).mean()
    loss = loss_ic + 1e-2 * residual.pow(2).mean()

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 250 == 0:
        print(f"{it:5d}  lr {optimizer.param_groups[0]['lr']:.1e}  loss {loss.item():.3e}  error {relative_error():.4f}")

print(f"final relative error {relative_error():.5f}")
