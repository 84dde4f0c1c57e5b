"""DDPM on a 2-d toy density (unequal blobs). Quality = sliced Wasserstein distance to held-out points."""
from dataclasses import dataclass
import math

import numpy as np
import torch
import torch.nn as nn


@dataclass
class Config:
    seed: int = 1
    n_train: int = 4000
    n_test: int = 2000
    timesteps: int = 100
    beta_start: float = 1e-3
    beta_end: float = 0.08
    hidden: int = 80
    batch: int = 256
    steps: int = 1500
    lr: float = 2e-3


def blobs(n, rng):
    centres = np.array([[5.0, -1.0], [2.0, 1.5], [1.5, -2.5], [3.0, -0.5]])
    k = rng.choice(4, size=n, p=[0.45, 0.3, 0.15, 0.1])
    return torch.tensor(centres[k] + 0.15 * rng.normal(size=(n, 2)), dtype=torch.float32)


class Denoiser(nn.Module):
    def __init__(self, hidden, n_freq=6):
        super().__init__()
        self.register_buffer("freqs", math.pi * 2.0 ** torch.arange(n_freq) / 4)
        self.net = nn.Sequential(
            nn.Linear(2 + 1 + 2 * n_freq, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, 2),
        )

    def forward(self, x, t):
        # t: (n, 1)
        ang = t * self.freqs
        return self.net(torch.cat([x, t, ang.sin(), ang.cos()], dim=1))


class Diffusion:
    def __init__(self, cfg):
        self.T = cfg.timesteps
        self.beta = torch.linspace(cfg.beta_start, cfg.beta_end, self.T)
        self.alpha = 1.0 - self.beta
        self.abar = torch.cumprod(self.alpha, dim=0)

    def loss(self, model, x0):
        t = torch.randint(0, self.T, (x0.shape[0],))
        ab = self.abar[t].unsqueeze(1)
        noise = torch.rand_like(x0)
        xt = ab.sqrt() * x0 + (1 - ab).sqrt() * noise
        pred = model(xt, t.float().unsqueeze(1) / self.T)
        return ((pred - noise) ** 2).mean()

    @torch.no_grad()
    def sample(self, model, n):
        x = torch.randn(n, 2)
        for t in reversed(range(self.T)):
            tt = torch.full((n, 1), float(t))
            eps = model(x, tt)
            x = (x - self.beta[t] / (1 - self.abar[t]).sqrt() * eps) / self.alpha[t].sqrt()
            if t > 0:
                x = x + self.beta[t].sqrt() * torch.randn_like(x)
        return x


def sliced_wasserstein(a, b, n_proj=128):
    theta = torch.linspace(0, math.pi, n_proj + 1)[:-1]
    dirs = torch.stack([theta.cos(), theta.sin()])
    pa = (a @ dirs).sort(dim=0).values
    pb = (b @ dirs).sort(dim=0).values
    return (pa - pb).abs().mean().item()


def main(cfg=Config()):
    torch.set_num_threads(1)
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    train = blobs(cfg.n_train, rng)
    test = blobs(cfg.n_test, rng)
    mean, std = train.mean(0), train.std(0)
    data = (train - mean) / std

    model = Denoiser(cfg.hidden)
    opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg.steps)
    diff = Diffusion(cfg)

    running = 0.0
    for step in range(1, cfg.steps + 1):
        x0 = data[torch.randint(0, len(data), (cfg.batch,))]
        loss = diff.loss(model, x0)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        running += loss.item()
        if step % 300 == 0:
            print(f"step {step}  loss {running / 300:.4f}")
            running = 0.0

    gauss = torch.randn(cfg.n_test, 2) * std + mean
    print(f"sliced wasserstein of a fitted gaussian: {sliced_wasserstein(gauss, test):.4f}")
    model.eval()
    samples = diff.sample(model, cfg.n_test) * std + mean
    print(f"sample mean {samples.mean(0).tolist()}  std {samples.std(0).tolist()}")
    print(f"sliced wasserstein to held-out data: {sliced_wasserstein(samples, test):.4f}")


if __name__ == "__main__":
    main()
