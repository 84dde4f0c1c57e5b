"""Predict disease progression (diabetes data) with a small regression network.

Fault: instability
Fix: lower the learning rate (to about 0.01)
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn


@dataclass
class Config:
    hidden: int = 32  # clinic: 32 | 20 | 64
    lr: float = 0.5  # clinic: 0.5 | 0.35 | 1.0
    momentum: float = 0.9
    batch_size: int = 32  # clinic: 32 | 64 | 50
    epochs: int = 20
    seed: int = 3


class Trainer:
    def __init__(self, model, cfg):
        self.model = model
        self.cfg = cfg
        self.loss_fn = nn.MSELoss()
        self.optim = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=cfg.momentum)

    def run_epoch(self, x, y):
        order = np.random.permutation(len(x))
        losses = []
        for i in range(0, len(x), self.cfg.batch_size):
            rows = order[i : i + self.cfg.batch_size]
            pred = self.model(x[rows])
            loss = self.loss_fn(pred, y[rows])
            self.optim.zero_grad()
            loss.backward()
            self.optim.step()
            losses.append(loss.item())
        return np.mean(losses)

    def fit(self, x, y):
        for epoch in range(1, self.cfg.epochs + 1):
            mse = self.run_epoch(x, y)
            if epoch == 1 or epoch % 4 == 0:
                print(f"[{epoch:3d}/{self.cfg.epochs}] train mse {mse:.4f}")


cfg = Config()
torch.manual_seed(cfg.seed)
np.random.seed(cfg.seed)

data = load_diabetes()
inputs = (data.data - data.data.mean(0)) / data.data.std(0)
targets = (data.target - data.target.mean()) / data.target.std()
inputs = torch.tensor(inputs, dtype=torch.float32)
targets = torch.tensor(targets, dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(nn.Linear(10, cfg.hidden), nn.ReLU(), nn.Linear(cfg.hidden, 1))
Trainer(model, cfg).fit(inputs, targets)
