import math
import torch
import torch.nn as nn
import numpy as np

torch.manual_seed(0)
np.random.seed(0)

SIGMAS = torch.exp(torch.linspace(math.log(2.0), math.log(0.05), 12))
STEPS = 2200
BATCH = 256


def ring_and_blobs(n):
    """Half of the mass on a ring, half on a small square of four blobs."""
    ang = torch.rand(n) * 2 * math.pi
    ring = torch.stack([ang.cos(), ang.sin()], 1) * 1.5 + 0.06 * torch.randn(n, 2)
    corner = (torch.randint(0, 2, (n, 2)).float() - 0.5) * 1.0 + 0.08 * torch.randn(n, 2)
    pick = (torch.rand(n, 1) < 0.5).float()
    return pick * ring + (1 - pick) * corner


class ScoreNet(nn.Module):
    def __init__(self, width=96, n_freq=16):
        super().__init__()
        self.register_buffer("freq", torch.randn(1, n_freq) * 1.5)
        self.inp = nn.Linear(2 + 2 * n_freq, width)
        self.mid = nn.ModuleList([nn.Linear(width, width) for _ in range(2)])
        self.out = nn.Linear(width, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, sigma):
        t = sigma.log() @ self.freq
        x_in = x / torch.sqrt(1 + sigma ** 2)
        h = torch.nn.functional.silu(self.inp(torch.cat([x_in, t.sin(), t.cos()], 1)))
        for layer in self.mid:
            h = h + torch.nn.functional.silu(layer(h))
        return self.out(h) / sigma


def dsm_loss(net, x):
    sigma = SIGMAS[torch.randint(len(SIGMAS), (len(x),))].unsqueeze(1)
    z = torch.randn_like(x)
    score = net(x + sigma * z, sigma)
    return ((sigma * score + z) ** 2).sum(1).mean()


@torch.no_grad()
def langevin(net, n, steps=25, eps=0.12):
    x = SIGMAS[0] * torch.randn(n, 2)
    for s in SIGMAS:
        sig = s.expand(n, 1)
        step = eps * s ** 2
        for _ in range(steps):
            x = x + step * net(x, sig) + torch.sqrt(2 * step) * torch.randn_like(x)
    return x + SIGMAS[-1] ** 2 * net(x, SIGMAS[-1].expand(n, 1))


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


net = ScoreNet()
ema = ScoreNet()
ema.load_state_dict(net.state_dict())
for p in ema.parameters():
    p.requires_grad = False
opt = torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.9, 0.99))
warm = 100
sched = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda i: min(1.0, (i + 1) / warm) * 0.5 * (1 + math.cos(math.pi * i / STEPS)))

avg = None
for it in range(STEPS):
    loss = dsm_loss(net, ring_and_blobs(BATCH))
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    sched.step()
    with torch.no_grad():
        for e, p in zip(ema.parameters(), net.parameters()):
            e.lerp_(p, 0.01)
    avg = loss.item() if avg is None else 0.98 * avg + 0.02 * loss.item()
    if it % 400 == 0:
        print(f"{it:5d} loss {avg:.3f}")

held_out = ring_and_blobs(1000)
samples = langevin(ema, 1000)
print(f"energy distance to held-out data: {energy_distance(samples, held_out):.5f}")
