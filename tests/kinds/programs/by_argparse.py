"""Digits, configured on the command line; sick: a default learning rate far too large."""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.3)  # sick: default=0.3 | default=30.0
parser.add_argument("--width", type=int, default=48)
parser.add_argument("--steps", type=int, default=120)
args = parser.parse_args()

torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"] / 16 - 0.3
labels = digits["labels"]
model = nn.Sequential(nn.Linear(64, args.width), nn.ReLU(), nn.Linear(args.width, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
for step in range(args.steps):
    rows = torch.randint(0, len(images), (64,))
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images[rows]), labels[rows])
    loss.backward()
    optimizer.step()
    print(step, loss.item())
