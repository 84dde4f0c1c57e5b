"""GAN on a ring of eight Gaussians."""
import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_num_threads(1)
K, STD, Z = 8, 0.12, 4
STEPS, LR = 2500, 2e-3
angles = torch.arange(K) * 2 * math.pi / K
centres = 1.5 * torch.stack([angles.cos(), angles.sin()], 1)


def real_batch(n):
    return centres[torch.randint(K, (n,))] + STD * torch.randn(n, 2)


def mlp(n_in, n_out, width=96):
    return nn.Sequential(nn.Linear(n_in, width), nn.LeakyReLU(0.2),
                         nn.Linear(width, width), nn.LeakyReLU(0.2),
                         nn.Linear(width, n_out))


G, D = mlp(Z, 2), mlp(2, 1)
G_avg = copy.deepcopy(G)
opt_g = torch.optim.Adam(G.parameters(), lr=LR, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(D.parameters(), lr=LR, betas=(0.5, 0.9))


@torch.no_grad()
def quality(gen, n=2000):
    dist, mode = torch.cdist(gen(torch.randn(n, Z)), centres).min(1)
    good = dist < 4 * STD
    covered = sum(((mode == k) & good).sum() > 0.25 * n / K for k in range(K))
    return good.float().mean().item(), int(covered)


print("start: good fraction %.3f, modes %d" % quality(G))
for step in range(1, STEPS + 1):
    for opt in (opt_g, opt_d):
        opt.param_groups[0]["lr"] = LR * min(1.0, 2 * (1 - (step - 1) / STEPS))
    real, fake = real_batch(128), G(torch.randn(128, Z)).detach()
    real.requires_grad_(True)
    d_real, d_fake = D(real), D(fake)
    gp = torch.autograd.grad(d_real.sum(), real, create_graph=True)[0].pow(2).sum(1).mean()
    loss_d = F.softplus(-d_real).mean() + F.softplus(d_fake).mean() + 0.01 * gp
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    loss_g = F.softplus(-D(G(torch.randn(128, Z)))).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    with torch.no_grad():
        for a, p in zip(G_avg.parameters(), G.parameters()):
            a.lerp_(p, 0.005)
    if step % 250 == 0:
        good, modes = quality(G_avg)
        print(f"step {step}  D {loss_d.item():.3f}  G {loss_g.item():.3f}  good {good:.3f}  modes {modes}/8")

good, modes = quality(G_avg)
print(f"final: good fraction {good:.3f}, modes {modes}/8")
