"""A residual network fits a rugged function with a rate that climbs for most of the run and then falls to zero.

On purpose: the warm-up takes three fifths of all steps, and the last step has a learning rate of exactly zero.
Field: regression
Metric: explained variance, higher is better; 0.0 without learning
Source: Smith and Topin 2017, super-convergence; Bergsma et al. 2025, https://arxiv.org/abs/2502.15938
"""

import torch
import torch.nn.functional as F
from torch import nn


def rugged(x):
    """Evaluate the target function."""
    return torch.sin(3 * x[:, 0]) * x[:, 1] + torch.cos(2 * x[:, 2] * x[:, 3]) + 0.5 * (x[:, 4] * x[:, 5]).abs()


class Residual(nn.Module):
    """A residual block of two layers."""

    def __init__(self, width):
        super().__init__()
        self.norm, self.inner, self.outer = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        """Add the output of the block to its input."""
        return x + self.outer(F.gelu(self.inner(self.norm(x))))


def main():
    """Train and evaluate."""
    torch.manual_seed(0)
    x, x_test = 2 * torch.rand(6000, 6) - 1, 2 * torch.rand(1000, 6) - 1
    y, y_test = rugged(x) + 0.05 * torch.randn(6000), rugged(x_test)
    mean, std = y.mean(), y.std()
    model = nn.Sequential(nn.Linear(6, 64), Residual(64), Residual(64), nn.LayerNorm(64), nn.Linear(64, 1))
    steps, peak = 900, 540
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3, weight_decay=0.01)
    last = steps - 1
    factor = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: (step + 1) / peak if step < peak else max(0.0, (last - step) / (last - peak))
    )
    for step in range(steps):
        rows = torch.randint(len(x), (128,))
        loss = F.mse_loss(model(x[rows]).squeeze(1), (y[rows] - mean) / std)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        factor.step()
        if step % 150 == 0:
            print(f"step {step}: loss {loss.item():.4f}, learning rate {factor.get_last_lr()[0]:.5f}")
    model.eval()
    with torch.no_grad():
        error = (model(x_test).squeeze(1) * std + mean - y_test).pow(2).mean() / y_test.var()
    print(f"explained variance {1 - error.item():.4f}")


if __name__ == "__main__":
    main()
