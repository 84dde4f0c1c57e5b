"""A network that predicts five conditional quantiles of skewed, heteroscedastic noise.

Field: quantile regression
Metric: quantile error, lower is better; 0.918 without learning
"""

import math

import torch
from torch import nn

torch.manual_seed(0)

TAUS = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])


def centre(x):
    """Location of the noise."""
    return 1.5 * torch.sin(2.0 * x)


def width(x):
    """Scale of the noise."""
    return 0.15 + 0.35 * torch.sigmoid(2.0 * x)


def gumbel_quantile(p):
    """Inverse distribution function of the standard Gumbel distribution."""
    return -torch.log(-torch.log(p))


def pinball(pred, target, taus):
    """Pinball loss summed over the quantiles, averaged over the batch."""
    error = target.unsqueeze(1) - pred
    return torch.maximum(taus * error, (taus - 1.0) * error).sum(dim=1).mean()


n = 6000
x = 4.0 * torch.rand(n) - 2.0
y = centre(x) + width(x) * gumbel_quantile(torch.rand(n).clamp(1e-6, 1 - 1e-6))

net = nn.Sequential(
    nn.Linear(1, 48),
    nn.Tanh(),
    nn.Linear(48, 48),
    nn.Tanh(),
    nn.Linear(48, len(TAUS)),
)
steps, batch_size = 1200, 256
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)

running = None
for step in range(1, steps + 1):
    idx = torch.randint(n, (batch_size,))
    loss = pinball(net(x[idx].unsqueeze(1)), y[idx], TAUS)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if step % 300 == 0:
        print(f"step {step:4d}  pinball {running:.4f}  lr {scheduler.get_last_lr()[0]:.2e}")

grid = torch.linspace(-1.9, 1.9, 400)
with torch.no_grad():
    bands = net(grid.unsqueeze(1))
errors = []
for k, tau in enumerate(TAUS.tolist()):
    truth = centre(grid) - width(grid) * math.log(-math.log(tau))
    errors.append((bands[:, k] - truth).abs().mean().item())
    print(f"tau {tau:.2f}  mean absolute error {errors[-1]:.4f}")
print(f"quantile error {sum(errors) / len(errors):.4f}")
