"""Trains a normalising flow of affine couplings on two moons by maximum likelihood.

Field: normalising flow
Metric: held-out parzen log-likelihood, higher is better; -2.8680 without learning
"""

import math

import torch
from torch import nn


def two_moons(n):
    """Draws noisy points of two interleaved half circles."""
    angle = math.pi * torch.rand(n)
    upper = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    lower = torch.tensor([1.0, 0.5]) - upper
    return torch.where(torch.rand(n, 1) < 0.5, upper, lower) + 0.08 * torch.randn(n, 2)


def parzen_log_likelihood(points, samples, width=0.1):
    """Gives the mean log-density of points under Gaussian bumps on the samples."""
    exponents = -0.5 * (torch.cdist(points, samples) / width) ** 2
    return exponents.logsumexp(dim=1).mean().item() - math.log(len(samples) * 2 * math.pi * width**2)


class Coupling(nn.Module):
    """Scales and shifts one coordinate by functions of the other."""

    def __init__(self, kept, hidden=48):
        super().__init__()
        self.kept = kept
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, 2)
        )
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def scale_shift(self, a):
        """Gives the log-scale, held between -2 and 2, and the shift."""
        log_s, t = self.net(a).chunk(2, dim=1)
        return 2.0 * torch.tanh(log_s / 2.0), t

    def forward(self, x):
        """Maps data towards noise and gives the log-determinant."""
        a, b = x[:, [self.kept]], x[:, [1 - self.kept]]
        log_s, t = self.scale_shift(a)
        b = b * torch.exp(log_s) + t
        return torch.cat([a, b] if self.kept == 0 else [b, a], dim=1), log_s.squeeze(1)

    def inverse(self, z):
        """Maps noise towards data."""
        a, b = z[:, [self.kept]], z[:, [1 - self.kept]]
        log_s, t = self.scale_shift(a)
        b = (b - t) * torch.exp(-log_s)
        return torch.cat([a, b] if self.kept == 0 else [b, a], dim=1)


class Flow(nn.Module):
    """A chain of couplings with a standard normal at its end."""

    def __init__(self, depth=6):
        super().__init__()
        self.couplings = nn.ModuleList([Coupling(i % 2) for i in range(depth)])

    def log_prob(self, x):
        """Gives the log-density of each row by the change of variables."""
        log_det = torch.zeros(len(x))
        for coupling in self.couplings:
            x, ld = coupling(x)
            log_det = log_det + ld
        base = -0.5 * (x**2).sum(dim=1) - math.log(2 * math.pi)
        return base + log_det

    @torch.no_grad()
    def sample(self, n):
        """Draws n points."""
        z = torch.randn(n, 2)
        for coupling in reversed(self.couplings):
            z = coupling.inverse(z)
        return z


def main():
    """Trains the flow and scores its samples."""
    torch.manual_seed(0)
    x = two_moons(6000)
    train, test = x[:4000], x[4000:]
    mean, std = train.mean(dim=0), train.std(dim=0)
    train, test = (train - mean) / std, (test - mean) / std

    flow = Flow()
    steps = 480
    optimizer = torch.optim.Adam(flow.parameters(), lr=1.5e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        batch = train[torch.randint(len(train), (200,))]
        loss = -flow.log_prob(batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 80 == 0:
            print(f"step {step:4d}  nll {loss.item():.3f}")

    print(f"held-out parzen log-likelihood {parzen_log_likelihood(test, flow.sample(4000)):.4f}")


if __name__ == "__main__":
    main()
