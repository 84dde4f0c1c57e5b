"""Small convolutional network for 8x8 digits.

Fault: parameters_not_in_optimizer
Fix: build the model once, and make the optimizer from the parameters of the model that is trained (move `optimizer = ...` below the last `model = ...`)
"""

import random
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


@dataclass
class Config:
    seed: int = 11  # clinic: 11 | 23
    channels: int = 12
    lr: float = 2e-3
    batch_size: int = 64
    epochs: int = 10


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def build_model(cfg):
    c = cfg.channels
    return nn.Sequential(
        nn.Conv2d(1, c, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(c, 2 * c, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * c * 4, 10),
    )


def main(cfg):
    set_seed(cfg.seed)
    device = torch.device("cpu")

    model = build_model(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)  # clinic: AdamW(model.parameters(), lr=cfg.lr) | SGD(model.parameters(), lr=0.1) | RMSprop(model.parameters(), lr=1e-3)
    loss_fn = nn.CrossEntropyLoss()
    print("parameters:", sum(p.numel() for p in model.parameters()))

    data = load_digits()
    images = torch.tensor(data.images / 8.0 - 1.0, dtype=torch.float32).unsqueeze(1)
    targets = torch.tensor(data.target)
    n_train = 1400
    x_train, y_train = images[:n_train].to(device), targets[:n_train].to(device)
    x_val, y_val = images[n_train:].to(device), targets[n_train:].to(device)

    model = build_model(cfg).to(device)
    for epoch in range(cfg.epochs):
        model.train()
        order = torch.randperm(n_train)
        epoch_loss = 0.0
        for idx in order.split(cfg.batch_size):
            optimizer.zero_grad()
            loss = loss_fn(model(x_train[idx]), y_train[idx])
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch + 1}/{cfg.epochs} loss={epoch_loss / n_train:.4f} val_acc={acc:.4f}")


if __name__ == "__main__":
    main(Config())
