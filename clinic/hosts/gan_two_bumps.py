"""Trains a small least-squares GAN to draw from a mixture of two bumps on the line.

Field: gan
Metric: quantile distance, lower is better; 1.3603 without learning
"""

import copy

import numpy as np
import torch
from torch import nn

BATCH, NOISE, STEPS = 128, 2, 900


def real_data(n):
    """Draws from the mixture: a narrow bump at 2, a wider one at 5."""
    left = torch.rand(n, 1) < 0.4
    return torch.where(left, 2.0 + 0.4 * torch.randn(n, 1), 5.0 + 0.8 * torch.randn(n, 1))


def mlp(inputs, hidden=32):
    """Gives a two-layer network with one output."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
    )


@torch.no_grad()
def update_average(average, model, decay=0.99):
    """Moves the averaged weights a little towards the present ones."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.mul_(decay).add_(p, alpha=1 - decay)


def quantile_distance(a, b):
    """Gives the mean gap between the quantiles of two samples."""
    levels = np.linspace(0.005, 0.995, 100)
    return np.abs(np.quantile(a, levels) - np.quantile(b, levels)).mean()


def main():
    """Alternates a step of the discriminator and a step of the generator."""
    torch.manual_seed(0)
    data = real_data(20000)
    mean, std = data.mean(), data.std()
    scaled = (data - mean) / std

    generator, discriminator = mlp(NOISE), mlp(1)
    averaged = copy.deepcopy(generator)
    opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(discriminator.parameters(), lr=4e-3, betas=(0.5, 0.99))

    for step in range(1, STEPS + 1):
        real = scaled[torch.randint(len(scaled), (BATCH,))]
        fake = generator(torch.randn(BATCH, NOISE))
        loss_d = ((discriminator(real) - 1) ** 2).mean() + (discriminator(fake.detach()) ** 2).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()

        loss_g = ((discriminator(fake) - 1) ** 2).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        update_average(averaged, generator)

        if step % 150 == 0:
            print(f"step {step:5d}  D {loss_d.item():.3f}  G {loss_g.item():.3f}")

    with torch.no_grad():
        drawn = averaged(torch.randn(10000, NOISE)) * std + mean
    print(f"quantile distance {quantile_distance(drawn.numpy(), real_data(10000).numpy()):.4f}")


if __name__ == "__main__":
    main()
