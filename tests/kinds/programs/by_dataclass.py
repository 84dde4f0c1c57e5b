"""Digits, configured by a dataclass; sick: a default learning rate far too large."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    lr: float = 0.3  # sick: 0.3 | 30.0
    width: int = 48
    steps: int = 120


def train(config):
    torch.manual_seed(0)
    digits = torch.load("digits.pt")
    images = digits["images"] / 16 - 0.3
    labels = digits["labels"]
    model = nn.Sequential(nn.Linear(64, config.width), nn.ReLU(), nn.Linear(config.width, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    for step in range(config.steps):
        rows = torch.randint(0, len(images), (64,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        print(step, loss.item())


if __name__ == "__main__":
    train(Config())
