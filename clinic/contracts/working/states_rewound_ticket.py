"""Iterative magnitude pruning with rewinding to the initial weights.

All trained weights are discarded after every round, on purpose: only the masks are kept.

Field: network pruning
Metric: sparse test accuracy, higher is better; 0.097 without learning
Source: https://github.com/microsoft/nni/pull/1685
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

ROUNDS, KEEP = 4, 0.6


def train(net, masks, x, y, epochs=18):
    """Train the weights that the masks keep."""
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(epochs):
        for index in torch.randperm(len(x)).split(50):
            loss = F.cross_entropy(net(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            apply(net, masks)
    return loss.item()


@torch.no_grad()
def apply(net, masks):
    """Set pruned weights to zero."""
    for name, p in net.named_parameters():
        if name in masks:
            p.mul_(masks[name])


@torch.no_grad()
def prune(net, masks):
    """Drop the smallest of the weights that are left in each layer."""
    for name, p in net.named_parameters():
        if name in masks:
            left = p[masks[name] > 0].abs()
            threshold = torch.quantile(left, 1 - KEEP)
            masks[name] = masks[name] * (p.abs() > threshold).float()


def main():
    """Prune round by round and test the final ticket."""
    torch.manual_seed(0)
    images, labels = (torch.tensor(a) for a in load_digits(return_X_y=True))
    images = (images / 16.0).float()
    order = torch.randperm(len(images))
    x, y, x_test, y_test = images[order[:1200]], labels[order[:1200]], images[order[1200:]], labels[order[1200:]]

    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    initial = {name: value.clone() for name, value in net.state_dict().items()}
    masks = {name: torch.ones_like(p) for name, p in net.named_parameters() if p.dim() == 2}
    for turn in range(1, ROUNDS + 1):
        loss = train(net, masks, x, y)
        prune(net, masks)
        net.load_state_dict(initial)
        apply(net, masks)
        density = sum(m.sum() for m in masks.values()) / sum(m.numel() for m in masks.values())
        print(f"round {turn}  loss {loss:.4f}  density {density.item():.3f}")
    train(net, masks, x, y)

    with torch.no_grad():
        accuracy = (net(x_test).argmax(dim=1) == y_test).float().mean().item()
    print(f"sparse test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
