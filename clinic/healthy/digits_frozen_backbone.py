"""Pretrain a feature extractor on the ten digits, then train only a new head that tells digits with a closed loop.

Fault: none
Looks like: parameters_not_in_optimizer or frozen_or_detached, since the backbone gets no updates in the second phase; it is a pretrained backbone and only the head is meant to learn.
Metric: acc, higher is better; 0.313 without learning
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def get_loader(X, y, batch_size=64):
    return DataLoader(TensorDataset(X, y), batch_size=batch_size, shuffle=True)


def fit(forward, params, loader, lr, epochs, tag, decay=0.0):
    opt = torch.optim.Adam(params, lr=lr, weight_decay=decay)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        total, hits, n = 0.0, 0, 0
        for xb, yb in loader:
            opt.zero_grad()
            out = forward(xb)
            loss = loss_fn(out, yb)
            loss.backward()
            opt.step()
            total += loss.item() * len(yb)
            hits += (out.argmax(1) == yb).sum().item()
            n += len(yb)
        print(f"[{tag}] epoch {epoch + 1}: loss {total / n:.4f} acc {hits / n:.3f}")


def main():
    torch.manual_seed(3)
    data = load_digits()
    X = torch.tensor((data.data - 8.0) / 6.0, dtype=torch.float32)
    y = torch.tensor(data.target)

    width = 64  # clinic: 64 | 48 | 128
    backbone = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, width), nn.Tanh())
    pre_head = nn.Linear(width, 10)
    net = nn.Sequential(backbone, pre_head)
    fit(net, net.parameters(), get_loader(X, y), lr=6e-3, epochs=6, tag="pretrain", decay=1e-4)

    for p in backbone.parameters():
        p.requires_grad = False
    backbone.eval()

    loop = torch.isin(y, torch.tensor([0, 6, 8, 9])).long()  # clinic: [0, 6, 8, 9] | [1, 2, 3, 5]
    head = nn.Sequential(nn.Linear(width, 2))
    loader = get_loader(X, loop)
    epochs = 8  # clinic: 8 | 12
    fit(lambda x: head(backbone(x)), head.parameters(), loader, lr=3e-2, epochs=epochs, tag="head", decay=1e-3)


if __name__ == "__main__":
    main()
