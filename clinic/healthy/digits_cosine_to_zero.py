"""Digits, residual-free MLP, rate annealed by a cosine down to nothing.

Fault: none
Looks like: schedule or no_step, since the rate is practically 0 at the end; the cosine is stepped once per epoch and reaches 0 just when training is over.
Metric: accuracy, higher is better; 0.1041 without learning
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.preprocessing import scale


@dataclass
class Config:
    hidden: int = 96  # clinic: 96 | 64 | 160
    epochs: int = 25
    batch_size: int = 100
    lr: float = 0.2
    momentum: float = 0.9  # clinic: 0.9 | 0.85
    noise: float = 0.5
    seed: int = 0  # clinic: int = 0 | int = 3


def build(cfg):
    return torch.nn.Sequential(
        torch.nn.Linear(64, cfg.hidden),
        torch.nn.ReLU(),
        torch.nn.Linear(cfg.hidden, cfg.hidden),
        torch.nn.ReLU(),
        torch.nn.Linear(cfg.hidden, 10),
    )


def run(cfg):
    torch.manual_seed(cfg.seed)
    X, y = load_digits(return_X_y=True)
    X, y = torch.tensor(scale(X), dtype=torch.float32), torch.tensor(y)
    model = build(cfg)
    opt = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=cfg.momentum)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=cfg.epochs)
    for epoch in range(cfg.epochs):
        losses = []
        for idx in torch.randperm(len(X)).split(cfg.batch_size):
            xb = X[idx] + cfg.noise * torch.randn(len(idx), 64)
            loss = F.cross_entropy(model(xb), y[idx], label_smoothing=0.05)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        sched.step()
        if epoch % 6 == 0:
            print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.4f} loss {sum(losses) / len(losses):.4f}")
    with torch.no_grad():
        print(f"accuracy {(model(X).argmax(1) == y).float().mean().item():.4f}")


run(Config())
