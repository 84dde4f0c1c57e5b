"""Flow matching of two spirals in which time runs from the data to the noise.

On purpose: time 0 is data, time 1 is noise, the target is noise minus data, and the sampler takes negative steps.

Field: flow matching
Metric: sliced wasserstein, lower is better; 0.598 without learning
Source: https://github.com/sii-research/tau-0-vla/issues/7
"""

import math

import torch
from torch import nn


def spirals(n):
    """Points on two arms."""
    s = torch.rand(n).sqrt()
    angle = 2.5 * math.pi * s + math.pi * torch.randint(2, (n,))
    points = torch.stack([2.2 * s * angle.cos(), 2.2 * s * angle.sin()], dim=1)
    return points + torch.tensor([0.8, 0.3]) + 0.05 * torch.randn(n, 2)


class Field(nn.Module):
    """MLP on the point and Fourier features of the time."""

    def __init__(self, hidden=128):
        super().__init__()
        self.register_buffer("freq", 2.0 ** torch.arange(4) * math.pi)
        self.net = nn.Sequential(
            nn.Linear(10, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2)
        )

    def forward(self, x, t):
        """The velocity at x and time t, (n, 1)."""
        return self.net(torch.cat([x, (t * self.freq).sin(), (t * self.freq).cos()], dim=1))


@torch.no_grad()
def sample(field, n, steps=50):
    """Integrates from time 1 down to time 0."""
    x, dt = torch.randn(n, 2), -1.0 / steps
    for k in range(steps):
        t = torch.full((n, 1), 1.0 + k * dt)
        x = x + dt * field(x, t)
    return x


def distance(a, b, directions=48):
    """Mean over directions of the distance between sorted projections."""
    angle = torch.arange(directions) * math.pi / directions
    axes = torch.stack([angle.cos(), angle.sin()])
    return ((a @ axes).sort(dim=0).values - (b @ axes).sort(dim=0).values).abs().mean().item()


def main():
    """Trains the field and compares samples with data."""
    torch.manual_seed(0)
    field, data = Field(), spirals(20000)
    optimizer = torch.optim.Adam(field.parameters(), lr=3e-3)
    steps = 1500
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        actions = data[torch.randint(len(data), (256,))]
        noise = torch.randn_like(actions)
        time = torch.rand(len(actions), 1)
        x_t = time * noise + (1 - time) * actions
        u_t = noise - actions
        loss = (field(x_t, time) - u_t).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 300 == 0:
            print(f"step {step}: loss {loss.item():.4f}")
    print(f"sliced wasserstein {distance(sample(field, 5000), spirals(5000)):.4f}")


if __name__ == "__main__":
    main()
