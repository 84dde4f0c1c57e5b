"""Digits, configured by a file of groups as hydra has them; sick: a learning rate far too large in that file."""

from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
import yaml
from torch import nn


def to_namespace(node):
    return SimpleNamespace(**{k: to_namespace(v) for k, v in node.items()}) if isinstance(node, dict) else node


cfg = to_namespace(yaml.safe_load(Path(__file__).with_name("config.yaml").read_text()))
torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"] / 16 - 0.3
labels = digits["labels"]
model = nn.Sequential(nn.Linear(64, cfg.model.width), nn.ReLU(), nn.Linear(cfg.model.width, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.optimizer.lr)
for step in range(cfg.training.steps):
    rows = torch.randint(0, len(images), (64,))
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images[rows]), labels[rows])
    loss.backward()
    optimizer.step()
    print(step, loss.item())
