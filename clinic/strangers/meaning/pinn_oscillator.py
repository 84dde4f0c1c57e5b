"""Physics-informed network for a damped oscillator u'' + 2*d*u' + w0^2*u = 0 with u(0) = 1, u'(0) = 0."""
import math

import torch
import torch.nn as nn

torch.manual_seed(0)

d, w0 = 0.3, 2.5
T_END = 3.0


def exact(t):
    w = math.sqrt(w0 ** 2 - d ** 2)
    return torch.exp(-d * t) * (torch.cos(w * t) + d / w * torch.sin(w * t))


class PINN(nn.Module):
    def __init__(self, width=24, depth=2):
        super().__init__()
        layers = [nn.Linear(1, width), nn.Tanh()]
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), nn.Tanh()]
        layers += [nn.Linear(width, 1)]
        self.net = nn.Sequential(*layers)

    def forward(self, t):
        return self.net(2 * t / T_END - 1)


def derivatives(model, t):
    t = t.requires_grad_(True)
    u = model(t)
    du = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
    d2u = torch.autograd.grad(du, t, torch.ones_like(du), retain_graph=True)[0]
    return u, du, d2u


def physics_loss(model, n=64):
    t = torch.rand(n, 1) * T_END
    u, du, d2u = derivatives(model, t)
    residual = d2u + 2 * d * du + w0 ** 2 * u
    return (residual ** 2).mean()


def initial_loss(model):
    t0 = torch.zeros(1, 1, requires_grad=True)
    u0 = model(t0)
    v0 = torch.autograd.grad(u0, t0, torch.ones_like(u0), create_graph=True)[0]
    return ((u0 - 1.0) ** 2 + v0 ** 2).mean()


@torch.no_grad()
def relative_l2(model):
    t = torch.linspace(0, T_END, 401).unsqueeze(1)
    u = exact(t)
    return ((model(t) - u).norm() / u.norm()).item()


model = PINN()
steps = 1500
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

for step in range(1, steps + 1):
    optimizer.zero_grad()
    f = physics_loss(model)
    ic = initial_loss(model)
    loss = 0.1 * f + 10.0 * ic
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 250 == 0:
        print(f"step {step:5d}  physics {f.item():.4f}  initial {ic.item():.5f}  relative L2 error {relative_l2(model):.4f}")

print(f"test relative L2 error: {relative_l2(model):.4f}")
