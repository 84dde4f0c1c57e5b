"""Classify noisy waveforms (sine, square, sawtooth, triangle) with a GRU.

usage: python waves.py [config.yaml]
"""
import sys
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CLASSES = ["sine", "square", "sawtooth", "triangle"]


def make_waves(n, length, noise, rng):
    y = rng.integers(len(CLASSES), size=n)
    freq = rng.uniform(1.5, 3.0, size=(n, 1))
    phase = rng.uniform(0, 1, size=(n, 1))
    t = np.linspace(0, 1, length)[None, :] * freq + phase
    frac = t % 1.0
    shapes = np.stack([
        np.sin(2 * np.pi * t),
        np.where(frac < 0.5, 1.0, -1.0),
        2 * frac - 1,
        4 * np.abs(frac - 0.5) - 1,
    ])
    x = shapes[y, np.arange(n)]
    x = x / x.std(axis=1, keepdims=True)
    x = x + noise * rng.normal(size=x.shape)
    return torch.tensor(x, dtype=torch.float32).unsqueeze(-1), torch.tensor(y)


class WaveNet(nn.Module):
    def __init__(self, hidden, layers):
        super().__init__()
        self.conv = nn.Conv1d(1, 16, kernel_size=5, padding=2)
        self.rnn = nn.GRU(16, hidden, num_layers=layers, batch_first=True)
        self.out = nn.Linear(hidden, len(CLASSES))

    def forward(self, x):
        h = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        h, _ = self.rnn(h)
        return self.out(h.mean(dim=1))


def accuracy(model, loader):
    model.eval()
    hits = total = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(dim=1) == y).sum().item()
            total += len(y)
    model.train()
    return hits / total


def build_optimizer(model, cfg):
    if cfg["optimizer"] == "adam":
        return torch.optim.Adam(model.parameters(), lr=cfg["lr"], weight_decay=cfg["weight_decay"])
    if cfg["optimizer"] == "sgd":
        return torch.optim.SGD(model.parameters(), lr=cfg["lr"], momentum=0.9,
                               weight_decay=cfg["weight_decay"])
    raise ValueError(f"unknown optimizer {cfg['optimizer']!r}")


def main(path):
    with open(path) as f:
        cfg = yaml.safe_load(f)
    torch.manual_seed(cfg["seed"])
    rng = np.random.default_rng(cfg["seed"])

    d = cfg["data"]
    train_set = TensorDataset(*make_waves(d["n_train"], d["length"], d["noise"], rng))
    test_set = TensorDataset(*make_waves(d["n_test"], d["length"], d["noise"], rng))
    t = cfg["train"]
    train_loader = DataLoader(train_set, batch_size=t["batch_size"], shuffle=True)
    test_loader = DataLoader(test_set, batch_size=200)

    model = WaveNet(**cfg["model"])
    optimizer = build_optimizer(model, t)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(1, t["epochs"] + 1):
        running = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), t["clip"])
            optimizer.step()
            running += loss.item()
        print(f"epoch {epoch:2d}/{t['epochs']}  train loss {running / len(train_loader):.4f}", flush=True)

    print(f"test accuracy {accuracy(model, test_loader):.4f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("waves.yaml"))
