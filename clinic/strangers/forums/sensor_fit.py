import numpy as np
import torch
import torch.nn as nn


def sensor_table(n=2000, n_in=8, n_out=4, missing=0.15, seed=0):
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, n_in)).astype(np.float32)
    w1 = r.normal(size=(n_in, 12)) / np.sqrt(n_in)
    w2 = r.normal(size=(12, n_out)) / np.sqrt(12)
    y = (np.tanh(x @ w1) @ w2 * 2 + 0.05 * r.normal(size=(n, n_out))).astype(np.float32)
    y[r.random(y.shape) < missing] = np.nan
    return torch.from_numpy(x), torch.from_numpy(y)


class MaskedMSE(nn.Module):
    def forward(self, pred, target):
        mask = ~torch.isnan(target)
        err = (pred - target) ** 2
        err = torch.where(mask, err, torch.zeros_like(err))
        return err.sum() / mask.sum()


def fit(epochs=30, bs=50):
    torch.manual_seed(0)
    x, y = sensor_table()
    xtr, ytr, xva, yva = x[:1600], y[:1600], x[1600:], y[1600:]
    net = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 4))
    criterion = MaskedMSE()
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for ep in range(epochs):
        net.train()
        log = []
        for i in torch.randperm(1600).split(bs):
            loss = criterion(net(xtr[i]), ytr[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
            log.append(loss.item())
        net.eval()
        with torch.no_grad():
            va = criterion(net(xva), yva).item()
        if ep % 3 == 0:
            print(f"{ep:3d} train {np.mean(log):.4f} val {va:.4f}")
    return va


print("final val mse", fit())
