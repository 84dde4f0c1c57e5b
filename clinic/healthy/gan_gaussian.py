"""A tiny GAN that learns a two-dimensional correlated Gaussian.

Fault: none
Looks like: frozen_or_detached (the fake batch is detached in the discriminator's step), parameters_not_in_optimizer (two optimizers) and losses that do not fall; all of that is how a GAN is trained.
"""

import torch
import torch.nn as nn

torch.manual_seed(0)  # clinic: seed(0) | seed(2)

mean = torch.tensor([1.0, -0.5])
mix = torch.tensor([[1.0, 0.0], [0.6, 0.5]])


def sample_real(n):
    return mean + torch.randn(n, 2) @ mix.T


nz = 4  # clinic: 4 | 8
netG = nn.Sequential(nn.Linear(nz, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
netD = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
optG = torch.optim.Adam(netG.parameters(), lr=2e-3, betas=(0.5, 0.999))
optD = torch.optim.Adam(netD.parameters(), lr=4e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
batch = 256  # clinic: 256 | 128

for it in range(500):
    real = sample_real(batch)
    fake = netG(torch.randn(batch, nz))

    optD.zero_grad()
    d_real = netD(real)
    d_fake = netD(fake.detach())
    lossD = bce(d_real, torch.ones_like(d_real)) + bce(d_fake, torch.zeros_like(d_fake))
    lossD.backward()
    optD.step()

    optG.zero_grad()
    d_fake = netD(fake)
    lossG = bce(d_fake, torch.ones_like(d_fake))
    lossG.backward()
    optG.step()

    if it % 100 == 99:
        with torch.no_grad():
            s = netG(torch.randn(4000, nz))
        print(
            f"it {it + 1}  D {lossD.item():.3f}  G {lossG.item():.3f}  "
            f"mean {[round(v, 2) for v in s.mean(0).tolist()]}  std {[round(v, 2) for v in s.std(0).tolist()]}  "
            f"corr {torch.corrcoef(s.T)[0, 1].item():.2f}"
        )
