"""Overlapping blobs of five kinds, one-hot targets and binary cross-entropy on the probabilities.

Fault: none
Looks like: output_loss_mismatch, since BCELoss follows a softmax; each point has exactly one kind, so the targets sum to one as the probabilities do, and it trains well.
Metric: accuracy, higher is better; 0.1734 without learning
"""

import torch
from sklearn.datasets import make_blobs
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # clinic: seed(0) | seed(16)

points, kind = make_blobs(n_samples=2000, n_features=4, centers=5, cluster_std=2.5, random_state=3)  # clinic: random_state=3 | random_state=7
points = torch.tensor((points - points.mean(0)) / points.std(0), dtype=torch.float32)
one_hot = nn.functional.one_hot(torch.tensor(kind), 5).float()


def build(width):
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 5), nn.Softmax(dim=1))


def train(model, loader, epochs, lr):
    criterion = nn.BCELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        total, right, seen = 0.0, 0, 0
        for x, target in loader:
            p = model(x)
            loss = criterion(p, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
            right += (p.argmax(1) == target.argmax(1)).sum().item()
            seen += len(x)
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} bce {total / seen:.4f} accuracy {right / seen:.3f}")


loader = DataLoader(TensorDataset(points, one_hot), batch_size=40, shuffle=True)
train(build(24), loader, epochs=15, lr=0.01)  # clinic: build(24) | build(40)
