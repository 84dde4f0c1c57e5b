import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim


def spirals(n, noise, rng):
    t = np.sqrt(rng.uniform(0.03, 1, n)) * 3 * np.pi
    x = np.c_[t * np.cos(t), t * np.sin(t)] / (3 * np.pi)
    X = np.r_[x, -x] + rng.normal(0, noise, (2 * n, 2))
    y = np.r_[np.zeros(n), np.ones(n)]
    return X.astype("float32"), y.astype("int64")


class Residual(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.lin1 = nn.Linear(dim, dim)
        self.lin2 = nn.Linear(dim, dim)

    def forward(self, x):
        return x + self.lin2(torch.relu(self.lin1(x)))


class SpiralNet(nn.Module):
    def __init__(self, width=24, depth=3):
        super().__init__()
        self.blocks = [nn.Linear(2, width)]
        for _ in range(depth):
            self.blocks.append(Residual(width))
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        for b in self.blocks:
            x = b(x)
        return self.head(x)


rng = np.random.default_rng(0)
torch.manual_seed(0)
X, y = spirals(500, 0.01, rng)
Xv, yv = spirals(200, 0.01, rng)
X, y, Xv, yv = map(torch.from_numpy, (X, y, Xv, yv))

net = SpiralNet()
opt = optim.Adam(net.parameters(), lr=0.005)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(1, 61):
    order = torch.randperm(len(X))
    tot = 0
    for k in range(0, len(X), 50):
        b = order[k:k + 50]
        opt.zero_grad()
        l = loss_fn(net(X[b]), y[b])
        l.backward()
        opt.step()
        tot += l.item()
    if epoch % 10 == 0:
        with torch.no_grad():
            acc = (net(Xv).argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch} loss {tot / 20:.3f} val acc {acc:.3f}")
