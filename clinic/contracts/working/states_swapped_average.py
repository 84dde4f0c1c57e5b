"""Flow matching of a ring of clusters with averaged weights.

For each validation the averaged weights replace those of the trained network for a while, on purpose.

Field: flow matching
Metric: energy distance, lower is better; 0.682 without learning
Source: https://github.com/PKU-YuanGroup/Open-Sora-Plan/issues/186
"""

import math
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """An exponential moving average that can replace the weights of a network for a while."""

    def __init__(self, net, decay=0.99):
        self.decay = decay
        self.shadow = [p.detach().clone() for p in net.parameters()]

    @torch.no_grad()
    def update(self, net):
        """Move a little towards the present weights."""
        for s, p in zip(self.shadow, net.parameters()):
            s.lerp_(p, 1 - self.decay)

    @contextmanager
    def swapped(self, net):
        """Run a block with the averaged weights."""
        raw = [p.detach().clone() for p in net.parameters()]
        try:
            self.write(net, self.shadow)
            yield net
        finally:
            self.write(net, raw)

    @staticmethod
    @torch.no_grad()
    def write(net, values):
        """Write values into the parameters."""
        for p, value in zip(net.parameters(), values):
            p.copy_(value)


class Velocity(nn.Module):
    """A velocity field of position and time."""

    def __init__(self, width=96):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(5, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2)
        )

    def forward(self, x, t):
        """Return velocities of shape (batch, 2)."""
        angle = math.pi * t
        return self.net(torch.cat([x, t, angle.sin(), angle.cos()], dim=1))


def clusters(n):
    """Six narrow clusters on a circle, shifted away from the origin."""
    angle = 2 * math.pi * torch.randint(6, (n,)) / 6
    return 1.5 * torch.stack([angle.cos(), angle.sin()], dim=1) + 0.1 * torch.randn(n, 2) + torch.tensor([1.0, 0.5])


@torch.no_grad()
def sample(net, n, steps=40):
    """Integrate the velocity with the midpoint rule."""
    x = torch.randn(n, 2)
    for k in range(steps):
        t = torch.full((n, 1), k / steps)
        half = x + 0.5 / steps * net(x, t)
        x = x + net(half, t + 0.5 / steps) / steps
    return x


def energy_distance(a, b):
    """Return the energy distance of two samples."""
    cross, within = torch.cdist(a, b).mean(), 0.5 * (torch.cdist(a, a).mean() + torch.cdist(b, b).mean())
    return 2 * (cross - within).item()


def main():
    """Train the field and score samples of the average."""
    torch.manual_seed(0)
    net = Velocity()
    average = WeightAverage(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in range(1, 2501):
        target, noise, t = clusters(256), torch.randn(256, 2), torch.rand(256, 1)
        loss = (net((1 - t) * noise + t * target, t) - (target - noise)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update(net)
        if step % 500 == 0:
            with average.swapped(net):
                distance = energy_distance(sample(net, 500), clusters(500))
            print(f"step {step}  loss {loss.item():.4f}  validation {distance:.4f}")

    with average.swapped(net):
        drawn = sample(net, 2000)
    print(f"energy distance {energy_distance(drawn, clusters(2000)):.4f}")


if __name__ == "__main__":
    main()
