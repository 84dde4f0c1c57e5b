"""A neural ODE, integrated by RK4, fitted to noisy trajectories of a damped pendulum.

Field: neural ODE
Metric: rollout RMSE, lower is better; 1.03 without learning
"""

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)

DT = 0.1
STEPS = 50
WINDOW = 6


def pendulum(_, z):
    """The true vector field."""
    return [z[1], -2.0 * np.sin(z[0]) - 0.15 * z[1]]


def simulate(count):
    """Exact trajectories from random starts, shape (count, STEPS + 1, 2)."""
    times = np.arange(STEPS + 1) * DT
    paths = []
    for _ in range(count):
        start = rng.uniform([-1.6, -1.0], [1.6, 1.0])
        solution = solve_ivp(pendulum, (0, times[-1]), start, t_eval=times, rtol=1e-6, atol=1e-8)
        paths.append(solution.y.T)
    return torch.tensor(np.stack(paths), dtype=torch.float32)


class VectorField(nn.Module):
    """dz/dt as a function of z."""

    def __init__(self, hidden=40):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 2)
        )

    def forward(self, z):
        """The velocity at z."""
        return self.net(z)


def rk4_step(f, z, dt):
    """One classical Runge-Kutta step."""
    k1 = f(z)
    k2 = f(z + 0.5 * dt * k1)
    k3 = f(z + 0.5 * dt * k2)
    k4 = f(z + dt * k3)
    return z + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)


def integrate(f, z0, steps):
    """The states after 0, 1, ..., steps steps."""
    states = [z0]
    for _ in range(steps):
        states.append(rk4_step(f, states[-1], DT))
    return torch.stack(states, dim=1)


observed = simulate(30)
observed = observed + 0.01 * torch.randn_like(observed)
held_out = simulate(20)

field = VectorField()
optimizer = torch.optim.Adam(field.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)

for it in range(250):
    rows = torch.randint(len(observed), (100,))
    starts = torch.randint(STEPS - WINDOW + 1, (100,))
    window = observed[rows[:, None], starts[:, None] + torch.arange(WINDOW + 1)]
    predicted = integrate(field, window[:, 0], WINDOW)
    loss = (predicted[:, 1:] - window[:, 1:]).abs().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if it % 50 == 0:
        print(f"iteration {it:3d}  mean absolute error over windows {loss.item():.4f}")

with torch.no_grad():
    rollout = integrate(field, held_out[:, 0], STEPS)
squared_distance = ((rollout.numpy() - held_out.numpy()) ** 2).sum(axis=2)
print(f"rollout RMSE {np.sqrt(squared_distance.mean()):.4f}")
