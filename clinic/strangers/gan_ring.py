import math
import torch
import torch.nn as nn

torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"

LATENT = 8
BATCH = 128
STEPS = 2000


def real_batch(n):
    theta = torch.rand(n, device=device) * 2 * math.pi
    r = 2.0 + 0.05 * torch.randn(n, device=device)
    return torch.stack([r * torch.cos(theta), r * torch.sin(theta)], dim=1)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(LATENT, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 2),
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(2, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 64), nn.LeakyReLU(0.2),
            nn.Linear(64, 1), nn.Sigmoid(),
        )

    def forward(self, x):
        return self.main(x).squeeze(1)


netG, netD = Generator().to(device), Discriminator().to(device)
optG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))
optD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCELoss()
ones = torch.ones(BATCH, device=device)
zeros = torch.zeros(BATCH, device=device)

for step in range(1, STEPS + 1):
    real = real_batch(BATCH)
    fake = netG(torch.randn(BATCH, LATENT, device=device)).detach()

    # discriminator
    optD.zero_grad()
    lossD = bce(netD(real), ones) + bce(netD(fake), zeros)
    lossD.backward()
    optD.step()

    # generator
    optG.zero_grad()
    lossG = bce(netD(fake), ones)
    lossG.backward()
    optG.step()

    if step % 200 == 0:
        with torch.no_grad():
            s = netG(torch.randn(1000, LATENT, device=device))
            rad = s.norm(dim=1)
        print(f"[{step}/{STEPS}] D {lossD.item():.3f} G {lossG.item():.3f} "
              f"radius {rad.mean().item():.3f} +- {rad.std().item():.3f}")
