"""Digits: first clean, then with noise; sick: the second stage's learning rate is far too large."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"] / 16 - 0.3
labels = digits["labels"]
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))


def train(name, optimizer, images, steps):
    for step in range(steps):
        rows = torch.randint(0, len(images), (64,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        print(name, step, loss.item())


pretraining = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
train("clean", pretraining, images, 100)
finetuning = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)  # sick: lr=0.03 | lr=8.0
train("noisy", finetuning, images + 0.1 * torch.randn_like(images), 100)
