import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
np.random.seed(0)


def data(n):
    k = np.random.rand(n) < 0.4
    v = np.where(k, np.random.normal(-1.5, 0.4, n), np.random.normal(1.0, 0.3, n))
    return torch.tensor(v, dtype=torch.float32).view(-1, 1)


G = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
D = nn.Sequential(nn.Linear(1, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.9))
decay = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.05, total_iters=2000) for o in (opt_g, opt_d)]
loss = nn.BCEWithLogitsLoss()
B = 256


def quantile_gap():
    with torch.no_grad():
        f = G(torch.randn(4000, 4)).numpy().ravel()
    q = np.linspace(0.02, 0.98, 49)
    return np.abs(np.quantile(f, q) - np.quantile(data(4000).numpy(), q)).mean()


print("start, gap between quantiles", round(quantile_gap(), 3))
for it in range(1, 2001):
    real = data(B)
    fake = G(torch.randn(B, 4))
    d_loss = loss(D(real), torch.full((B, 1), 0.9)) + loss(D(fake.detach()), torch.zeros(B, 1))
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()

    g_loss = loss(D(fake), torch.ones(B, 1))
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
    for sch in decay:
        sch.step()
    if it % 200 == 0:
        print(f"{it} d_loss {d_loss.item():.4f} g_loss {g_loss.item():.4f} gap {quantile_gap():.3f}")
