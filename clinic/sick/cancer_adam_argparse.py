"""Benign or malignant: a binary classifier on the breast cancer data.

Fault: instability
Fix: a normal rate for Adam (about 1e-3)
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale


class Classifier(nn.Module):
    def __init__(self, n_in, width):
        super().__init__()
        self.fc1 = nn.Linear(n_in, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        x = torch.tanh(self.fc3(x))
        return self.out(x).squeeze(1)


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--lr", type=float, default=1.0)  # clinic: 1.0 | 2.0 | 0.7
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--batch-size", type=int, default=32)  # clinic: 32 | 64 | 40
    p.add_argument("--width", type=int, default=32)  # clinic: 32 | 16 | 64
    p.add_argument("--seed", type=int, default=1)
    return p.parse_args()


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    features, target = load_breast_cancer(return_X_y=True)
    x = torch.from_numpy(scale(features)).float()
    y = torch.from_numpy(target).float()
    model = Classifier(x.shape[1], args.width)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr)

    for epoch in range(args.epochs):
        perm = torch.randperm(len(x))
        running = 0.0
        for start in range(0, len(x), args.batch_size):
            idx = perm[start : start + args.batch_size]
            opt.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(x[idx]), y[idx])
            loss.backward()
            opt.step()
            running += loss.item() * len(idx)
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {running / len(x):.4f}")

    with torch.no_grad():
        logits = model(x)
        loss = F.binary_cross_entropy_with_logits(logits, y)
        accuracy = ((logits > 0) == (y > 0.5)).float().mean()
    print(f"final loss {loss:.4f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
