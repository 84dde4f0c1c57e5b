"""A network completes half-hidden digits; rate and weight decay of every step are read from arrays.

On purpose: every step overwrites lr and weight_decay of the groups, and the lr of the constructor never acts.
Field: image completion
Metric: explained variance, higher is better; 0.0 without learning
Source: https://github.com/facebookresearch/dino (main_dino.py: lr_schedule and wd_schedule written in every iteration)
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


def cosine(base, final, steps, warmup=0):
    """Return the values of all steps: a linear warm-up, then half a cosine."""
    ramp = np.linspace(0, base, warmup)
    angle = np.pi * np.arange(steps - warmup) / (steps - warmup)
    return np.concatenate([ramp, final + 0.5 * (base - final) * (1 + np.cos(angle))])


torch.manual_seed(0)
images = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
images = images[torch.randperm(len(images))]
upper, lower = images[:, :32], images[:, 32:]
mean = lower[:1400].mean(dim=0)

model = nn.Sequential(nn.Linear(32, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 32))
weights = [p for p in model.parameters() if p.dim() > 1]
biases = [p for p in model.parameters() if p.dim() == 1]
optimizer = torch.optim.AdamW([{"params": weights}, {"params": biases, "weight_decay": 0.0}], lr=1.0)
epochs, size = 40, 50
steps = epochs * 1400 // size
rates, decays = cosine(3e-3, 1e-5, steps, warmup=100), cosine(0.04, 0.4, steps)

step = 0
for epoch in range(1, epochs + 1):
    for rows in torch.randperm(1400).split(size):
        for index, group in enumerate(optimizer.param_groups):
            group["lr"] = rates[step]
            if index == 0:
                group["weight_decay"] = decays[step]
        seen = F.dropout(upper[rows], 0.1)
        loss = F.mse_loss(model(seen), lower[rows] - mean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
    if epoch % 10 == 0:
        print(f"epoch {epoch}: loss {loss.item():.5f}")

model.eval()
with torch.no_grad():
    error = (model(upper[1400:]) + mean - lower[1400:]).pow(2).mean() / (lower[1400:] - mean).pow(2).mean()
print(f"explained variance {1 - error.item():.4f}")
