"""Predicts clicks from hashed features as they arrive.

Field: click-through rate
Metric: area under the curve, higher is better; 0.5 without learning
On purpose: a generator yields each example once, and the training ends when it is used up; there are no epochs.
Source: https://github.com/apache/mxnet/issues/1918 (one epoch over a generator of enough data)
"""

import itertools

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, IterableDataset

BUCKETS, FIELDS = 300, 6


class ClickLog(IterableDataset):
    """Reads impressions in the order in which they happened."""

    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        yield from self.rows


def impressions(rng, weights):
    """Yields endlessly what was shown and whether it was clicked."""
    while True:
        features = np.minimum(rng.geometric(0.05, size=FIELDS), 50) - 1 + 50 * np.arange(FIELDS)
        p = 1.0 / (1.0 + np.exp(-weights[features].sum()))
        yield torch.from_numpy(features), torch.tensor(float(rng.random() < p))


class FactorizationMachine(nn.Module):
    """Linear weights and products of embeddings."""

    def __init__(self, dim=4):
        super().__init__()
        self.linear, self.factors = nn.Embedding(BUCKETS, 1), nn.Embedding(BUCKETS, dim)
        self.bias = nn.Parameter(torch.zeros(1))
        nn.init.zeros_(self.linear.weight)
        nn.init.normal_(self.factors.weight, std=0.05)

    def forward(self, x):
        """Log odds of a click."""
        v = self.factors(x)
        pairs = 0.5 * (v.sum(dim=1).square() - v.square().sum(dim=1)).sum(dim=1)
        return self.linear(x).sum(dim=(1, 2)) + pairs + self.bias


def main():
    """Trains on the stream, then scores what comes after it."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    stream = impressions(rng, rng.normal(0, 1.2, size=BUCKETS))
    model = FactorizationMachine()
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    losses = []
    for features, clicked in DataLoader(ClickLog(itertools.islice(stream, 30000)), batch_size=50):
        loss = F.binary_cross_entropy_with_logits(model(features), clicked)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if len(losses) % 150 == 0:
            print(f"{50 * len(losses)} impressions: progressive loss {np.mean(losses[-150:]):.4f}")
    later = list(itertools.islice(stream, 4000))
    with torch.no_grad():
        scores = model(torch.stack([features for features, _ in later]))
    print(f"area under the curve {roc_auc_score([c.item() for _, c in later], scores.numpy()):.4f}")


if __name__ == "__main__":
    main()
