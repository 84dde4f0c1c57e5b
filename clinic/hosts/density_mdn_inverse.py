"""A mixture density network for the many-valued inverse of a wavy function.

Field: density estimation
Metric: held-out log-likelihood, higher is better; 0.0 without learning
"""

import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MixtureDensityNetwork(nn.Module):
    """Weights, means and scales of a Gaussian mixture as functions of the input."""

    def __init__(self, hidden=40, components=5):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.logits = nn.Linear(hidden, components)
        self.means = nn.Linear(hidden, components)
        self.log_scales = nn.Linear(hidden, components)
        with torch.no_grad():
            self.means.bias.copy_(torch.linspace(0.1, 0.9, components))
            self.log_scales.bias.fill_(-1.5)

    def forward(self, x):
        """Log weights, means and log scales, each (batch, components)."""
        h = self.body(x)
        return self.logits(h).log_softmax(dim=1), self.means(h), self.log_scales(h).clamp(min=-5.0)


def mixture_nll(log_w, mean, log_scale, y):
    """Mean negative log density of y under the mixtures."""
    z = (y - mean) / log_scale.exp()
    log_density = -0.5 * z**2 - log_scale - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_w + log_density, dim=1).mean()


def make_data(n):
    """The forward map is x = y + 0.3 sin(2 pi y) + noise; the task is y given x."""
    y = torch.rand(n, 1)
    x = y + 0.3 * torch.sin(2 * math.pi * y) + 0.04 * torch.randn(n, 1)
    return x, y


def main():
    """Train, then score new pairs."""
    torch.manual_seed(0)
    x, y = make_data(2500)
    x_mean, x_std = x.mean(), x.std()
    loader = DataLoader(TensorDataset((x - x_mean) / x_std, y), batch_size=125, shuffle=True)

    model = MixtureDensityNetwork()
    opt = torch.optim.Adam(model.parameters(), lr=6e-3)
    epochs = 28
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=epochs)
    for epoch in range(epochs):
        total = 0.0
        for xb, yb in loader:
            opt.zero_grad()
            loss = mixture_nll(*model(xb), yb)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            total += loss.item() / len(loader)
        sched.step()
        if (epoch + 1) % 7 == 0:
            print(f"epoch {epoch + 1:3d} nll {total:.4f}")

    x_new, y_new = make_data(4000)
    with torch.no_grad():
        log_w, mean, log_scale = (t.double().numpy() for t in model((x_new - x_mean) / x_std))
    scale = np.exp(log_scale)
    kernel = np.exp(-((y_new.double().numpy() - mean) ** 2) / (2 * scale**2)) / np.sqrt(2 * np.pi * scale**2)
    density = (np.exp(log_w) * kernel).sum(axis=1)
    print(f"held-out log-likelihood {np.log(density).mean():.4f}")


if __name__ == "__main__":
    main()
