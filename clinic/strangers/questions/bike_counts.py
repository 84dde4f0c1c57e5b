import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

gen = np.random.default_rng(55)
torch.manual_seed(55)
hours = gen.integers(0, 24, 3000)
warm = gen.uniform(-5, 35, 3000)
wet = gen.random(3000) < 0.25
rush = np.exp(-(hours - 8) ** 2 / 6) + np.exp(-(hours - 18) ** 2 / 8)
mean = np.clip(6 * rush * (1 + warm / 20), 0, None) * np.where(wet, 0.4, 1.0)
count = gen.poisson(mean)

X = np.stack([np.sin(2 * np.pi * hours / 24), np.cos(2 * np.pi * hours / 24),
              np.sin(4 * np.pi * hours / 24), np.cos(4 * np.pi * hours / 24), warm / 20, wet], 1)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(count, dtype=torch.float32)


class Hire(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(6, 64)
        self.l2 = nn.Linear(64, 64)
        self.l3 = nn.Linear(64, 1)

    def forward(self, z):
        z = F.relu(self.l1(z))
        z = F.relu(self.l2(z))
        return F.relu(self.l3(z)).squeeze(1)


net = Hire()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(60):
    s = 0.0
    for b in torch.randperm(2400).split(48):
        loss = F.mse_loss(net(X[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() * len(b)
    if epoch % 6 == 5:
        print("epoch", epoch + 1, "mse", round(s / 2400, 3))

with torch.no_grad():
    test = F.mse_loss(net(X[2400:]), y[2400:]).item()
best = float(((count[2400:] - mean[2400:]) ** 2).mean())
print("test mse", round(test, 3), "| with the true rate", round(best, 3), "| variance", round(float(count[2400:].var()), 3))
