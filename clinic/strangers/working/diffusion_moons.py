"""Denoising diffusion on the two-moons data set; samples come from averaged weights."""
import copy
import math
from dataclasses import dataclass

import torch
from torch import nn
from sklearn.datasets import make_moons


@dataclass
class Config:
    T: int = 100
    hidden: int = 96
    iters: int = 2500
    batch: int = 256
    lr: float = 1e-2
    warmup: int = 100
    ema: float = 0.995


cfg = Config()
torch.manual_seed(8)


def data(n, seed):
    x, _ = make_moons(n, noise=0.05, random_state=seed)
    return (torch.tensor(x, dtype=torch.float32) - torch.tensor([0.5, 0.25])) / torch.tensor([0.87, 0.5])


betas = torch.linspace(1e-3, 0.1, cfg.T)
alpha_bar = torch.cumprod(1 - betas, 0)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("freqs", torch.exp(torch.linspace(0, math.log(16.0), 8)))
        self.net = nn.Sequential(
            nn.Linear(2 + 16, cfg.hidden), nn.SiLU(),
            nn.Linear(cfg.hidden, cfg.hidden), nn.SiLU(),
            nn.Linear(cfg.hidden, cfg.hidden), nn.SiLU(),
            nn.Linear(cfg.hidden, 2),
        )

    def forward(self, x, t):
        a = (t.float() / cfg.T)[:, None] * self.freqs
        return self.net(torch.cat([x, a.sin(), a.cos()], 1))


@torch.no_grad()
def sample(model, n):
    x = torch.randn(n, 2)
    for t in reversed(range(cfg.T)):
        eps = model(x, torch.full((n,), t))
        x = (x - betas[t] / (1 - alpha_bar[t]).sqrt() * eps) / (1 - betas[t]).sqrt()
        if t > 0:
            x += betas[t].sqrt() * torch.randn_like(x)
    return x


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def get_lr(it):
    if it < cfg.warmup:
        return cfg.lr * (it + 1) / cfg.warmup
    return cfg.lr * 0.5 * (1 + math.cos(math.pi * (it - cfg.warmup) / (cfg.iters - cfg.warmup)))


train, test = data(4000, 0), data(1500, 1)
model = Denoiser()
averaged = copy.deepcopy(model).requires_grad_(False)
opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
print(f"energy distance: pure noise {energy_distance(torch.randn(1500, 2), test):.4f}, "
      f"untrained {energy_distance(sample(model, 1500), test):.4f}, "
      f"fresh data {energy_distance(data(1500, 2), test):.4f}")
running = None
for it in range(cfg.iters):
    for g in opt.param_groups:
        g["lr"] = get_lr(it)
    x0 = train[torch.randint(len(train), (cfg.batch,))]
    t = torch.randint(cfg.T, (cfg.batch,))
    noise = torch.randn_like(x0)
    ab = alpha_bar[t][:, None]
    loss = (model(ab.sqrt() * x0 + (1 - ab).sqrt() * noise, t) - noise).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    with torch.no_grad():
        for e, p in zip(averaged.parameters(), model.parameters()):
            e.lerp_(p, 1 - cfg.ema)
    running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
    if (it + 1) % 500 == 0:
        print(f"iter {it + 1}  loss {running:.4f}")
print(f"final energy distance {energy_distance(sample(averaged, 1500), test):.4f}")
