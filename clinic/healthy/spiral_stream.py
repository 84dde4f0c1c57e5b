"""Three noisy spirals from an endless stream.

Fault: none
Looks like: unshuffled_data, since the DataLoader does not shuffle; the stream itself is random.
Metric: accuracy, higher is better; 0.2568 without learning
"""

import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class SpiralStream(IterableDataset):
    def __init__(self, arms, noise, seed):
        self.arms, self.noise, self.seed = arms, noise, seed

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        while True:
            arm = int(rng.integers(self.arms))
            r = rng.uniform(0.3, 2.0)
            angle = 1.6 * r + 2 * math.pi * arm / self.arms + rng.normal(0, self.noise)
            yield np.array([r * math.cos(angle), r * math.sin(angle)], dtype=np.float32), arm


def main():
    torch.manual_seed(0)  # clinic: seed(0) | seed(27)
    loader = DataLoader(SpiralStream(arms=3, noise=0.6, seed=1), batch_size=64)  # clinic: noise=0.6 | noise=0.5
    h = 48  # clinic: 48 | 40 | 64
    net = nn.Sequential(nn.Linear(2, h), nn.ReLU(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, 3))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    loss_fn = nn.CrossEntropyLoss()
    loss_sum = hit_sum = 0.0
    for step, (x, y) in enumerate(itertools.islice(loader, 500), start=1):
        logits = net(x)
        loss = loss_fn(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item()
        hit_sum += (logits.argmax(1) == y).float().mean().item()
        if step % 100 == 0:
            print(f"step {step}: loss {loss_sum / 100:.4f} accuracy {hit_sum / 100:.3f}")
            loss_sum = hit_sum = 0.0


if __name__ == "__main__":
    main()
