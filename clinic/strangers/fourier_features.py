"""Random Fourier features: only the read-out is trained."""
import math
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler


class RFF(nn.Module):
    def __init__(self, d_in, n_feat, sigma, seed=0):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.lin = nn.Linear(d_in, n_feat)
        with torch.no_grad():
            self.lin.weight.copy_(torch.randn(n_feat, d_in, generator=g) / sigma)
            self.lin.bias.copy_(2 * math.pi * torch.rand(n_feat, generator=g))
        for p in self.lin.parameters():
            p.requires_grad_(False)
        self.scale = math.sqrt(2.0)

    @torch.no_grad()
    def forward(self, x):
        return self.scale * torch.cos(self.lin(x))


class Model(nn.Module):
    def __init__(self, d_in, n_feat=400):
        super().__init__()
        self.phi = RFF(d_in, n_feat, sigma=3.0)
        self.readout = nn.Linear(n_feat, 1)
        nn.init.zeros_(self.readout.weight)
        nn.init.zeros_(self.readout.bias)

    def forward(self, x):
        return self.readout(self.phi(x)).squeeze(-1)


torch.manual_seed(0)
X, y = make_friedman1(n_samples=3000, n_features=5, noise=0.5, random_state=0)
X = StandardScaler().fit_transform(X)
y = (y - y.mean()) / y.std()
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
Xtr, ytr, Xte, yte = X[:2400], y[:2400], X[2400:], y[2400:]

model = Model(5)
optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=2e-3)
for epoch in range(1, 41):
    perm = torch.randperm(len(Xtr))
    s = 0.0
    for i in range(0, len(perm), 64):
        b = perm[i:i + 64]
        loss = nn.functional.mse_loss(model(Xtr[b]), ytr[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        s += loss.item() * len(b)
    if epoch % 5 == 0:
        with torch.no_grad():
            mse = nn.functional.mse_loss(model(Xte), yte).item()
        print(f"epoch {epoch:3d} train {s / len(Xtr):.4f} test {mse:.4f} R2 {1 - mse / yte.var().item():.4f}")
