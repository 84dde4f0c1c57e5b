"""Forecasts a noisy oscillation with a residual MLP whose parameters are updated during the backward pass.

Field: forecasting
Metric: forecast error, lower is better; 1.0832 without learning
On purpose: each parameter has a separate optimizer, and a hook steps and clears it. The loop only calls backward.
Source: https://pytorch.org/docs/stable/generated/torch.Tensor.register_post_accumulate_grad_hook.html
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)

PAST, LENGTH = 32, 6000
time = torch.arange(LENGTH, dtype=torch.float32)
series = torch.sin(2 * math.pi * time / 17) + 0.6 * torch.sin(2 * math.pi * time / 41) * torch.sin(time / 200)
series = (series - series.mean()) / series.std() + 0.05 * torch.randn(LENGTH)
windows = series.unfold(0, PAST + 1, 1)
train, test = windows[:4800], windows[4900:]


class Residual(nn.Module):
    """A normalised MLP around which the input is led."""

    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, x):
        """Adds the output of the MLP."""
        return x + self.body(x)


model = nn.Sequential(nn.Linear(PAST, 64), Residual(64), Residual(64), nn.Linear(64, 1))
optimizers = {p: torch.optim.Adam([p], lr=1e-3, foreach=False) for p in model.parameters()}


def update(parameter):
    """Steps and frees the gradient as soon as it is complete."""
    optimizers[parameter].step()
    optimizers[parameter].zero_grad()


for p in model.parameters():
    p.register_post_accumulate_grad_hook(update)

for epoch in range(1, 11):
    if epoch == 8:
        for optimizer in optimizers.values():
            optimizer.param_groups[0]["lr"] = 2e-4
    total = 0.0
    for rows in torch.randperm(len(train)).split(64):
        loss = F.mse_loss(model(train[rows, :-1]).squeeze(1), train[rows, -1])
        loss.backward()
        total += loss.item() * len(rows)
    if epoch % 2 == 0:
        print(f"epoch {epoch}: loss {total / len(train):.5f}")

with torch.no_grad():
    error = (model(test[:, :-1]).squeeze(1) - test[:, -1]).square().mean().sqrt().item()
print(f"forecast error {error:.4f}")
