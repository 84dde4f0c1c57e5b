"""Fits an unnormalised density of two variables by noise-contrastive estimation.

Field: density estimation
Metric: total variation to the true density, lower is better; 0.5000 without learning
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

CENTRES = torch.tensor([[-1.2, -0.6], [1.2, -0.6], [0.0, 1.2]])
SPREAD = 0.4
RATIO = 4  # noise points for each data point
NOISE_STD = 1.6


def draw_data(n):
    """Draws from three round bumps of equal weight."""
    return CENTRES[torch.randint(3, (n,))] + SPREAD * torch.randn(n, 2)


def true_density(x):
    """Gives the density the data come from."""
    squares = ((x[:, None, :] - CENTRES) ** 2).sum(dim=2)
    return (torch.exp(-0.5 * squares / SPREAD**2) / (2 * math.pi * SPREAD**2)).mean(dim=1)


def log_noise(x):
    """Gives the log-density of the Gaussian noise."""
    return -0.5 * (x**2).sum(dim=1) / NOISE_STD**2 - math.log(2 * math.pi * NOISE_STD**2)


class Energy(nn.Module):
    """A network for the energy and one parameter for the log of the normalising constant."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1, bias=False)
        )
        self.log_z = nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        """Gives the log-density, self-normalised once trained."""
        return -self.net(x).squeeze(1) - self.log_z


data = draw_data(4000)
model = Energy()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
steps = 700
decay = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)

for step in range(1, steps + 1):
    x = data[torch.randint(len(data), (128,))]
    noise = NOISE_STD * torch.randn(RATIO * len(x), 2)
    logit_x = model(x) - log_noise(x) - math.log(RATIO)
    logit_noise = model(noise) - log_noise(noise) - math.log(RATIO)
    loss = -F.logsigmoid(logit_x).mean() - RATIO * F.logsigmoid(-logit_noise).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    decay.step()
    if step % 150 == 0:
        print(f"{step:4d} nce loss {loss.item():.4f} log z {model.log_z.item():.3f}")

ticks = torch.linspace(-4, 4, 161)
grid = torch.cartesian_prod(ticks, ticks)
cell = (ticks[1] - ticks[0]).item() ** 2
with torch.no_grad():
    gap = (model(grid).exp() - true_density(grid)).abs().sum().item() * cell / 2
print(f"total variation to the true density {gap:.4f}")
