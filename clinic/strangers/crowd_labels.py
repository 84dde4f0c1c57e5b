"""Crowd-sourced labels for handwritten digits: about 3 in 10 of the labels are somebody's guess."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

MICRO, ACCUM = 4, 8


def main():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    X, y = load_digits(return_X_y=True)
    Xtr, Xte, ytr, yte = train_test_split(X / 16.0, y, test_size=0.25, random_state=0)
    flip = rng.random(len(ytr)) < 0.3
    crowd = np.where(flip, rng.integers(0, 10, len(ytr)), ytr)

    ds = TensorDataset(torch.tensor(Xtr, dtype=torch.float32), torch.tensor(crowd))
    loader = DataLoader(ds, batch_size=MICRO, shuffle=True, drop_last=True)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
    crit = nn.CrossEntropyLoss()

    Xte = torch.tensor(Xte, dtype=torch.float32)
    yte = torch.tensor(yte)
    for epoch in range(12):
        net.train()
        seen = []
        opt.zero_grad()
        for i, (xb, yb) in enumerate(loader, 1):
            loss = crit(net(xb), yb) / ACCUM
            loss.backward()
            seen.append(loss.item() * ACCUM)
            if i % ACCUM == 0:
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                opt.step()
                opt.zero_grad()
        net.eval()
        with torch.no_grad():
            acc = (net(Xte).argmax(1) == yte).float().mean().item()
        print(f"epoch {epoch + 1:2d} loss {np.mean(seen):.3f} (min {min(seen):.3f} max {max(seen):.3f}) clean test acc {acc:.3f}")


if __name__ == "__main__":
    main()
