"""Learns codes of the even and the odd rows of a digit with a contrastive loss over large batches.

Field: contrastive learning
Metric: recall at 5, higher is better; 0.0202 without learning
On purpose: codes are computed twice, without a graph first; their cached gradients are then sent through small chunks.
Source: https://github.com/luyug/GradCache/issues/22
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)

BATCH, CHUNK = 350, 50
images = torch.tensor(load_digits().images, dtype=torch.float32) / 16.0
images = images[torch.randperm(len(images))]
images = images - images[:1400].mean(dim=0)
even, odd = images[:, 0::2].flatten(1), images[:, 1::2].flatten(1)
n_train = 1400


def encoder():
    """The network of one view."""
    return nn.Sequential(nn.Linear(32, 160), nn.ReLU(), nn.Linear(160, 32))


class Pair(nn.Module):
    """An encoder for each view and a learned temperature."""

    def __init__(self):
        super().__init__()
        self.even, self.odd = encoder(), encoder()
        self.log_scale = nn.Parameter(torch.tensor(2.3))

    def forward(self, a, b):
        """Codes of length one."""
        return F.normalize(self.even(a), dim=1), F.normalize(self.odd(b), dim=1)


def contrastive(za, zb, scale):
    """Each view has to find the other one."""
    logits = scale * za @ zb.T
    target = torch.arange(len(za))
    return 0.5 * (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target))


model = Pair()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-5)
for epoch in range(1, 101):
    for rows in torch.randperm(n_train).view(-1, BATCH):
        optimizer.zero_grad()
        chunks = rows.split(CHUNK)
        with torch.no_grad():
            codes = [model(even[c], odd[c]) for c in chunks]
        za, zb = (torch.cat(z).requires_grad_() for z in zip(*codes))
        loss = contrastive(za, zb, model.log_scale.exp())
        loss.backward()
        for c, ga, gb in zip(chunks, za.grad.split(CHUNK), zb.grad.split(CHUNK)):
            a, b = model(even[c], odd[c])
            ((a * ga).sum() + (b * gb).sum()).backward()
        optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.4f}")

with torch.no_grad():
    za, zb = model(even[n_train:], odd[n_train:])
    found = (za @ zb.T).topk(5).indices == torch.arange(len(za))[:, None]
print(f"recall at 5 {found.any(dim=1).float().mean().item():.4f}")
