"""Learns matching codes of two views of a digit, its even and its odd rows, with InfoNCE.

Field: contrastive learning
Metric: recall at 5, higher is better; 0.0141 without learning
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def encoder():
    """Gives the network of one view."""
    return nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 32))


class TwoViews(nn.Module):
    """One encoder for each view and a learned temperature."""

    def __init__(self):
        super().__init__()
        self.even, self.odd = encoder(), encoder()
        self.log_scale = nn.Parameter(torch.tensor(2.3))

    def forward(self, a, b):
        """Gives unit codes of both views."""
        return F.normalize(self.even(a), dim=-1), F.normalize(self.odd(b), dim=-1)


def info_nce(za, zb, scale):
    """The symmetric loss: each view has to find its partner in the batch."""
    logits = scale * za @ zb.t()
    rows = logits.diagonal() - torch.logsumexp(logits, dim=1)
    columns = logits.diagonal() - torch.logsumexp(logits, dim=0)
    return -0.5 * (rows.mean() + columns.mean())


@torch.no_grad()
def recall_at(k, model, a, b):
    """The share of even views whose own odd view is among the k nearest."""
    model.eval()
    za, zb = model(a, b)
    top = torch.cdist(za, zb).topk(k, largest=False).indices
    return (top == torch.arange(len(a))[:, None]).any(dim=1).float().mean().item()


torch.manual_seed(0)
images = torch.tensor(load_digits().images, dtype=torch.float32) / 16.0
images = images[torch.randperm(len(images))]
train, test = images[:1400], images[1400:]
centre = train.mean(dim=0)


def split_rows(batch):
    """Cuts pictures into their even and odd rows."""
    batch = batch - centre
    return batch[:, 0::2].flatten(1), batch[:, 1::2].flatten(1)


model = TwoViews()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-5)
loader = DataLoader(TensorDataset(*split_rows(train)), batch_size=128, shuffle=True, drop_last=True)
for epoch in range(1, 31):
    model.train()
    losses = []
    for a, b in loader:
        loss = info_nce(*model(a, b), model.log_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 6 == 0:
        print(f"epoch {epoch}: loss {sum(losses) / len(losses):.3f}, scale {model.log_scale.exp().item():.1f}")

print(f"recall at 5 {recall_at(5, model, *split_rows(test)):.4f}")
