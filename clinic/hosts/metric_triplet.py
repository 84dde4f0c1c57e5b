"""Learns an embedding of digits beside a distracting neighbour with a batch-hard triplet loss.

Field: metric learning
Metric: 1-nn accuracy, higher is better; 0.4730 without learning
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

MARGIN = 0.3
PER_CLASS = 8


def with_neighbour(images, rng):
    """Puts a random other digit at the right of each one."""
    others = images[rng.permutation(len(images))]
    return torch.from_numpy(np.concatenate([images, others], axis=1))


def pairwise(e):
    """Gives the Euclidean distances between all rows."""
    squares = (e[:, None, :] - e[None, :, :]).pow(2).sum(dim=2)
    return torch.sqrt(squares + 1e-8)


def batch_hard(e, labels):
    """For each anchor: the farthest of its class, the nearest of another."""
    d = pairwise(e)
    same = labels[:, None] == labels[None, :]
    farthest = torch.where(same, d, torch.zeros_like(d)).max(dim=1).values
    nearest = torch.where(same, torch.full_like(d, 1e9), d).min(dim=1).values
    return F.relu(farthest - nearest + MARGIN).mean()


def balanced_batch(labels, rng):
    """Picks the same number of rows from each class."""
    rows = [rng.choice(np.flatnonzero(labels == c), PER_CLASS, replace=False) for c in range(10)]
    return np.concatenate(rows)


class Embedder(torch.nn.Module):
    """Maps a pair of digits to a point of the unit sphere."""

    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(128, 128)
        self.bn1 = torch.nn.BatchNorm1d(128)
        self.fc2 = torch.nn.Linear(128, 16)

    def forward(self, x):
        """Gives embeddings of length one."""
        return F.normalize(self.fc2(F.relu(self.bn1(self.fc1(x)))), dim=1)


def main():
    """Trains the embedder, then looks up the nearest training digit of each held-out one."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    digits = load_digits()
    images = (digits.data / 16.0).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=0.3, stratify=digits.target, random_state=0
    )
    train_x, test_x = with_neighbour(train_x, rng), with_neighbour(test_x, rng)

    net = Embedder()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    net.train()
    for step in range(1, 301):
        rows = balanced_batch(train_y, rng)
        loss = batch_hard(net(train_x[rows]), torch.from_numpy(train_y[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 60 == 0:
            print(f"step {step}: triplet loss {loss.item():.4f}")

    net.eval()
    with torch.no_grad():
        gallery, queries = net(train_x).numpy(), net(test_x).numpy()
    nearest = (queries @ gallery.T).argmax(axis=1)
    print(f"1-nn accuracy {(train_y[nearest] == test_y).mean():.4f}")


if __name__ == "__main__":
    main()
