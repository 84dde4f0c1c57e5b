# Tiny DDPM on two moons. Quality of the samples = energy distance to held-out data.
import math
import torch
from torch import nn
from sklearn.datasets import make_moons

SEED = 0
STEPS = 100          # diffusion steps
TRAIN_ITERS = 1000
BATCH = 128


class TimeEmbedding(nn.Module):
    def __init__(self, dim):
        super().__init__()
        half = dim // 2
        self.register_buffer("freqs", torch.exp(-math.log(10000.0) * torch.arange(half) / half))

    def forward(self, t):
        ang = t[:, None].float() * self.freqs[None]
        return torch.cat([ang.sin(), ang.cos()], dim=-1)


class Denoiser(nn.Module):
    def __init__(self, width=96, tdim=32):
        super().__init__()
        self.temb = TimeEmbedding(tdim)
        self.net = nn.Sequential(
            nn.Linear(2 + tdim, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2),
        )

    def forward(self, x, t):
        return self.net(torch.cat([x, self.temb(t)], dim=-1))


class GaussianDiffusion:
    def __init__(self, steps):
        self.steps = steps
        self.betas = torch.linspace(1e-3, 0.08, steps)
        self.alphas = 1.0 - self.betas
        self.alpha_bar = torch.cumprod(self.alphas, dim=0)

    def q_sample(self, x0, t, noise=None):
        if noise is None:
            noise = torch.randn_like(x0)
        ab = self.alpha_bar[t][:, None]
        return ab.sqrt() * x0 + (1 - ab).sqrt() * noise

    def training_loss(self, model, x0):
        t = torch.randint(0, self.steps, (x0.shape[0],))
        noise = torch.randn_like(x0)
        x_t = self.q_sample(x0, t)
        return nn.functional.mse_loss(model(x_t, t), noise)

    @torch.no_grad()
    def sample(self, model, n):
        x = torch.randn(n, 2)
        for i in reversed(range(self.steps)):
            t = torch.full((n,), i, dtype=torch.long)
            eps = model(x, t)
            mean = (x - self.betas[i] / (1 - self.alpha_bar[i]).sqrt() * eps) / self.alphas[i].sqrt()
            x = mean + self.betas[i].sqrt() * torch.randn_like(x) if i > 0 else mean
        return x


def energy_distance(a, b):
    n, m = len(a), len(b)
    aa = torch.cdist(a, a).sum() / (n * (n - 1))
    bb = torch.cdist(b, b).sum() / (m * (m - 1))
    return (2 * torch.cdist(a, b).mean() - aa - bb).item()


torch.manual_seed(SEED)
xy, _ = make_moons(n_samples=6000, noise=0.05, random_state=SEED)
xy = torch.tensor(xy, dtype=torch.float32)
train, held_out = xy[:4000], xy[4000:]
mean, std = train.mean(0), train.std(0)
train, held_out = (train - mean) / std, (held_out - mean) / std

model = Denoiser()
diffusion = GaussianDiffusion(STEPS)
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=TRAIN_ITERS)

running = 0.0
for it in range(1, TRAIN_ITERS + 1):
    batch = train[torch.randint(0, len(train), (BATCH,))]
    loss = diffusion.training_loss(model, batch)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    sched.step()
    running += loss.item()
    if it % 250 == 0:
        ed = energy_distance(diffusion.sample(model, 500), held_out)
        print(f"iter {it:5d}  loss {running / 250:.4f}  energy_distance {ed:.4f}")
        running = 0.0

samples = diffusion.sample(model, 1000)
print("final energy_distance (lower is better):", round(energy_distance(samples, held_out), 5))
