# Damped oscillator  u'' + c u' + k u = 0,  u(0) = 1, u'(0) = 0,  solved with a small network.
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
np.random.seed(0)

C, K = 0.5, 4.0
T_END = 4.0


def exact(t):
    w = np.sqrt(K - C ** 2 / 4)
    return np.exp(-C * t / 2) * (np.cos(w * t) + C / (2 * w) * np.sin(w * t))


def grad(outputs, inputs):
    return torch.autograd.grad(outputs, inputs, grad_outputs=torch.ones_like(outputs), create_graph=True)[0]


net = nn.Sequential(
    nn.Linear(1, 32), nn.Tanh(),
    nn.Linear(32, 32), nn.Tanh(),
    nn.Linear(32, 1),
)

# collocation points
t = torch.linspace(0, T_END, 100).unsqueeze(1)
x = (2 * t / T_END - 1).requires_grad_(True)
x0 = torch.tensor([[-1.0]], requires_grad=True)

optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=1800, eta_min=1e-4)

for step in range(1800):
    optimizer.zero_grad()

    u = net(x)
    u_t = grad(u, x)
    u_tt = grad(u_t, x)
    residual = u_tt + C * u_t + K * u
    loss_ode = residual.pow(2).mean()

    u0 = net(x0)
    u0_t = grad(u0, x0)
    loss_ic = (u0 - 1).pow(2).mean() + u0_t.pow(2).mean()

    loss = loss_ode + 20 * loss_ic
    loss.backward()
    optimizer.step()
    scheduler.step()

    if step % 200 == 0:
        print(f"step {step:5d}  ode {loss_ode.item():.5f}  ic {loss_ic.item():.6f}")

# compare with the analytical solution
t_test = np.linspace(0, T_END, 501)
x_test = torch.tensor(2 * t_test / T_END - 1, dtype=torch.float32).unsqueeze(1)
with torch.no_grad():
    u_test = net(x_test).squeeze(1).numpy()
rmse = np.sqrt(np.mean((u_test - exact(t_test)) ** 2))
print(f"test rmse: {rmse:.4f}")
