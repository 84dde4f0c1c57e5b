"""Adapts a network for digits to negatives that lie on their side, with LoRA, from a stream with rare classes.

Field: fine-tuning
Metric: balanced accuracy, higher is better; 0.1 without learning
"""

import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    """Yields examples from a file in its order, through a buffer from which they are drawn at random."""

    def __init__(self, pixels, labels, buffer=200):
        self.pixels, self.labels, self.buffer = pixels, labels, buffer

    def __iter__(self):
        held = []
        for example in zip(self.pixels, self.labels):
            held.append(example)
            if len(held) >= self.buffer:
                yield held.pop(int(torch.randint(len(held), ())))
        for i in torch.randperm(len(held)).tolist():
            yield held[i]


class LoRALinear(nn.Module):
    """A frozen linear layer and the product of two thin matrices."""

    def __init__(self, base, rank=8, alpha=16.0):
        super().__init__()
        self.base, self.scale = base.requires_grad_(False), alpha / rank
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        """The frozen output and the low-rank change."""
        return self.base(x) + self.scale * F.linear(F.linear(x, self.down), self.up)


def network():
    """Three linear layers."""
    return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 10))


def pretrain(model, x, y, path):
    """Trains on upright digits and saves the weights."""
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(12):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    torch.save(model.state_dict(), path)


def adapt(model, x, y, epochs=25):
    """Trains the low-rank matrices on the stream; the loss weighs classes by their rarity."""
    counts = torch.bincount(y, minlength=10).float()
    class_weights = counts.sum() / (10 * counts)
    criterion = nn.CrossEntropyLoss(weight=class_weights)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=4e-3, weight_decay=1e-3)
    loader = DataLoader(Stream(x, y), batch_size=32)
    for epoch in range(1, epochs + 1):
        losses = [0.0]
        for pixels, labels in loader:
            loss = criterion(model(pixels), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 5 == 0:
            print(f"epoch {epoch}: weighted loss {np.mean(losses):.4f}")


def main():
    """Pretrains, loads the checkpoint, adapts and scores."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    digits = load_digits()
    order = rng.permutation(len(digits.target))
    images, labels = digits.images[order] / 16.0, torch.tensor(digits.target[order])
    upright = torch.tensor(images, dtype=torch.float32).flatten(1)
    turned = torch.tensor(1.0 - np.rot90(images, axes=(1, 2)), dtype=torch.float32).flatten(1)
    kept = np.array([i for i in range(600, 1300) if labels[i] % 2 == 0 or i % 12 == 0])

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "base.pt")
        pretrain(network(), upright[:600], labels[:600], path)
        model = network()
        model.load_state_dict(torch.load(path))
    for i in (0, 2, 4):
        model[i] = LoRALinear(model[i])
    adapt(model, turned[kept], labels[kept])

    with torch.no_grad():
        predicted = model(turned[1300:]).argmax(dim=1)
    print(f"balanced accuracy {balanced_accuracy_score(labels[1300:].numpy(), predicted.numpy()):.4f}")


if __name__ == "__main__":
    main()
