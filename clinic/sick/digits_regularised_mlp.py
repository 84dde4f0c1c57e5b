"""Digits with a regularised network.

Fault: over_regularised
Fix: a dropout probability of about 0.2
"""

import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--dropout", type=float, default=0.95)  # clinic: 0.95 | 0.93 | 0.97
parser.add_argument("--hidden", type=int, default=96)  # clinic: 96 | 64 | 128
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--lr", type=float, default=2e-3)  # clinic: 2e-3 | 1e-3 | 4e-3
opts = parser.parse_args()

torch.manual_seed(0)
np.random.seed(0)
source = load_digits()
inputs = torch.as_tensor(source.data / 16 - 0.5, dtype=torch.float32)
labels = torch.as_tensor(source.target)

model = nn.Sequential(
    nn.Linear(64, opts.hidden),
    nn.ReLU(),
    nn.Dropout(opts.dropout),
    nn.Linear(opts.hidden, opts.hidden),
    nn.ReLU(),
    nn.Dropout(opts.dropout),
    nn.Linear(opts.hidden, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=opts.lr)
cross_entropy = nn.CrossEntropyLoss()
for step in range(1, opts.steps + 1):
    model.train()
    picked = np.random.choice(len(inputs), size=64, replace=False)
    loss = cross_entropy(model(inputs[picked]), labels[picked])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            scores = model(inputs)
        print(
            f"{step}: batch loss {loss.item():.4f}, eval loss {cross_entropy(scores, labels).item():.4f}, "
            f"eval accuracy {(scores.argmax(1) == labels).float().mean().item():.3f}"
        )
