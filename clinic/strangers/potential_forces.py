"""Fit a 2-D potential energy surface: a handful of energies, plenty of forces (F = -dE/dx)."""
import torch
import torch.nn as nn

torch.manual_seed(123)


def energy_true(x):
    return (torch.sin(1.5 * x[:, 0]) * torch.cos(1.2 * x[:, 1]) + 0.15 * (x ** 2).sum(1)).unsqueeze(1)


def force_true(x):
    x = x.clone().requires_grad_(True)
    return -torch.autograd.grad(energy_true(x).sum(), x)[0]


class Potential(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(2, width), nn.Tanh(),
            nn.Linear(width, width), nn.Tanh(),
            nn.Linear(width, 1))

    def forward(self, x):
        return self.body(x)


def forces(net, x):
    x = x.clone().requires_grad_(True)
    e = net(x)
    return -torch.autograd.grad(e, x, grad_outputs=torch.ones_like(e), retain_graph=True)[0]


x_e = 4 * torch.rand(12, 2) - 2
e_ref = energy_true(x_e)
x_f = 4 * torch.rand(300, 2) - 2
f_ref = force_true(x_f)
x_test = 4 * torch.rand(1000, 2) - 2
e_test = energy_true(x_test)

net = Potential()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
mse = nn.MSELoss()

for it in range(1, 1501):
    optimizer.zero_grad()
    loss_e = mse(net(x_e), e_ref)
    loss_f = mse(forces(net, x_f), f_ref)
    loss = loss_e + 0.5 * loss_f
    loss.backward()
    optimizer.step()
    if it % 150 == 0:
        print(f"{it:5d}  energy {loss_e.item():.5f}  forces {loss_f.item():.5f}")

with torch.no_grad():
    rmse = mse(net(x_test), e_test).sqrt().item()
print(f"test energy rmse {rmse:.4f}   (std of the surface {e_test.std().item():.4f})")
