"""Learns what two views have in common from the cross-correlation matrix of their codes.

Field: self-supervised learning
Metric: decoded variance of the shared factors, higher is better; 0.40 without learning
On purpose: the codes are standardised over the batch, and the loss compares features with features.
Source: Barlow Twins, https://github.com/facebookresearch/barlowtwins/issues/40
"""

import torch
from torch import nn

SHARED, PRIVATE, SEEN, CODE = 4, 8, 40, 16


def mixing():
    """Draws how factors appear in what is seen."""
    return torch.randn(SHARED + PRIVATE, SEEN) / 2.0


def views(n, mix_a, mix_b):
    """Two views with the same shared and different private factors."""
    shared = torch.randn(n, SHARED)
    pair = [torch.cat([shared, 1.3 * torch.randn(n, PRIVATE)], dim=1) @ mix for mix in (mix_a, mix_b)]
    return torch.tanh(pair[0]), torch.tanh(pair[1]), shared


def encoder():
    """A small network with batch normalisation."""
    return nn.Sequential(
        nn.Linear(SEEN, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, CODE)
    )


def barlow_loss(za, zb, weight=0.02):
    """Correlations of a feature with itself go to one, with others to zero."""
    za = (za - za.mean(dim=0)) / za.std(dim=0)
    zb = (zb - zb.mean(dim=0)) / zb.std(dim=0)
    correlation = za.T @ zb / len(za)
    on_diagonal = (correlation.diagonal() - 1).square().sum()
    off_diagonal = correlation.square().sum() - correlation.diagonal().square().sum()
    return on_diagonal + weight * off_diagonal


@torch.no_grad()
def decoded_variance(net, x_fit, s_fit, x_test, s_test):
    """R^2 of a linear map from codes to shared factors, fitted on other data."""
    net.eval()
    fit, test = (torch.cat([net(x), torch.ones(len(x), 1)], dim=1) for x in (x_fit, x_test))
    solution = torch.linalg.lstsq(fit, s_fit).solution
    residual = (s_test - test @ solution).square().sum()
    return (1 - residual / (s_test - s_test.mean(dim=0)).square().sum()).item()


torch.manual_seed(0)
mix_a, mix_b = mixing(), mixing()
a, b, _ = views(8000, mix_a, mix_b)
net_a, net_b = encoder(), encoder()
optimizer = torch.optim.Adam([*net_a.parameters(), *net_b.parameters()], lr=3e-3)
steps = 1000
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
for step in range(1, steps + 1):
    rows = torch.randint(len(a), (256,))
    loss = barlow_loss(net_a(a[rows]), net_b(b[rows]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 200 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

x_fit, _, s_fit = views(1000, mix_a, mix_b)
x_test, _, s_test = views(1000, mix_a, mix_b)
print(f"decoded variance of the shared factors {decoded_variance(net_a, x_fit, s_fit, x_test, s_test):.4f}")
