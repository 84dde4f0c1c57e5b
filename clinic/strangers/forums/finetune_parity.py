import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


def backbone():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 64), nn.ReLU(),
    )


def accuracy(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def pretrain(net, x, y, epochs):
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    net.train()
    for e in range(epochs):
        for i in torch.randperm(len(x)).split(64):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[i]), y[i])
            loss.backward()
            opt.step()
        print(f"[pretrain] {e} {loss.item():.4f}")


def finetune(body, head, x, y, xv, yv, epochs, accumulate=4):
    net = nn.Sequential(body, head)
    for p in body[:8].parameters():
        p.requires_grad = False
    net.eval()
    opt = torch.optim.AdamW([
        {"params": [p for p in body.parameters() if p.requires_grad], "lr": 1e-4},
        {"params": head.parameters(), "lr": 5e-3},
    ], weight_decay=1e-4)
    per_epoch = (len(x) + 7) // 8
    updates = epochs * (per_epoch // accumulate)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=updates, eta_min=0.0)
    for e in range(epochs):
        total = 0.0
        for k, i in enumerate(torch.randperm(len(x)).split(8), 1):
            loss = F.cross_entropy(net(x[i]), y[i]) / accumulate
            loss.backward()
            total += loss.item() * accumulate
            if k % accumulate == 0:
                opt.step()
                opt.zero_grad()
                sched.step()
        opt.zero_grad()
        print(f"[finetune] {e} loss {total / per_epoch:.4f} lr {sched.get_last_lr()} val acc {accuracy(net, xv, yv):.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--pretrain-epochs", type=int, default=8)
    ap.add_argument("--epochs", type=int, default=10)
    a = ap.parse_args()
    torch.manual_seed(0)
    d = load_digits()
    X = torch.tensor(d.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(d.target)
    p = torch.randperm(len(X))
    src, tgt, val = p[:900], p[900:1300], p[1300:]
    body = backbone()
    pretrain(nn.Sequential(body, nn.Linear(64, 10)), X[src], y[src], a.pretrain_epochs)
    finetune(body, nn.Linear(64, 2), X[tgt], y[tgt] % 2, X[val], y[val] % 2, a.epochs)
