import math

import torch
import torch.nn as nn

torch.manual_seed(2)
BATCH, NZ = 128, 4


def real_batch(n):
    a = 2 * math.pi * torch.rand(n)
    r = 2.0 + 0.1 * torch.randn(n)
    return torch.stack([r * a.cos(), r * a.sin()], 1)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(NZ, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2),
                                  nn.Linear(64, 1), nn.Sigmoid())

    def forward(self, x):
        return self.main(x).view(-1)


netG, netD = Generator(), Discriminator()
criterion = nn.BCEWithLogitsLoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))
real_label = torch.ones(BATCH)
fake_label = torch.zeros(BATCH)

for it in range(2000):
    netD.zero_grad()
    errD_real = criterion(netD(real_batch(BATCH)), real_label)
    errD_real.backward()
    noise = torch.randn(BATCH, NZ)
    fake = netG(noise).detach()
    errD_fake = criterion(netD(fake), fake_label)
    errD_fake.backward()
    optimizerD.step()

    netG.zero_grad()
    errG = criterion(netD(fake), real_label)
    errG.backward()
    optimizerG.step()

    if it % 200 == 0:
        print("[%4d] Loss_D: %.4f Loss_G: %.4f" % (it, (errD_real + errD_fake).item(), errG.item()))

with torch.no_grad():
    radius = netG(torch.randn(2000, NZ)).norm(dim=1)
    print("generated radius %.3f +- %.3f (real 2.0 +- 0.1)" % (radius.mean(), radius.std()))
