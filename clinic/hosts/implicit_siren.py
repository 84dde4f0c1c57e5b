"""A SIREN fitted to the pixels of an image, then asked for the image at twice the resolution.

Field: neural representation
Metric: upsampled PSNR, higher is better; 9.58 without learning
"""

import math

import torch
from torch import nn


def picture(xy):
    """A smooth image in [0, 1] on [-1, 1]^2: rings, a soft disc and stripes."""
    x, y = xy[:, 0], xy[:, 1]
    rings = 0.5 + 0.5 * torch.cos(9.0 * torch.sqrt((x + 0.3) ** 2 + (y - 0.2) ** 2 + 0.01))
    disc = torch.sigmoid(12.0 * (0.45 - torch.sqrt((x - 0.35) ** 2 + (y + 0.35) ** 2)))
    stripes = 0.5 + 0.5 * torch.sin(8.0 * x + 5.0 * y)
    return (1 - disc) * rings + disc * stripes


def grid(side):
    """Centres of the pixels of a square image, as rows (x, y)."""
    ticks = (torch.arange(side) + 0.5) / side * 2 - 1
    yy, xx = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack([xx.flatten(), yy.flatten()], dim=1)


class SineLayer(nn.Module):
    """sin(omega (W x + b)) with the initialisation of Sitzmann et al."""

    def __init__(self, n_in, n_out, omega, first=False):
        super().__init__()
        self.omega = omega
        self.linear = nn.Linear(n_in, n_out)
        bound = 1.0 / n_in if first else math.sqrt(6.0 / n_in) / omega
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        """Apply the layer."""
        return torch.sin(self.omega * self.linear(x))


class Siren(nn.Module):
    """Sine layers and a linear output."""

    def __init__(self, width=48, omega=12.0):
        super().__init__()
        self.hidden = nn.Sequential(
            SineLayer(2, width, omega, first=True), SineLayer(width, width, omega), SineLayer(width, width, omega)
        )
        self.out = nn.Linear(width, 1)
        bound = math.sqrt(6.0 / width) / omega
        nn.init.uniform_(self.out.weight, -bound, bound)

    def forward(self, xy):
        """Intensity at the points, scaled to [-1, 1]."""
        return self.out(self.hidden(xy)).squeeze(-1)


def main():
    """Fit the coarse image and compare on the fine one."""
    torch.manual_seed(0)
    coords = grid(28)
    pixels = picture(coords)
    target = 2 * pixels - 1

    net = Siren()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 500, eta_min=1e-5)
    for step in range(500):
        optimizer.zero_grad()
        loss = torch.mean((net(coords) - target) ** 2)
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 100 == 0:
            print(f"step {step:4d}  loss {loss.item():.5f}")

    fine = grid(56)
    with torch.no_grad():
        image = (net(fine) * 0.5 + 0.5).clamp(0, 1)
    error = torch.linalg.vector_norm(image - picture(fine)).item() / math.sqrt(len(fine))
    print(f"upsampled PSNR {-20 * math.log10(error):.3f}")


main()
