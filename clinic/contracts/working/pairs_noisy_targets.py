"""Learns to remove noise from pictures of which there are only noisy copies.

On purpose: input and target are two copies of a picture with independent noise; the clean picture is never seen.

Field: image denoising
Metric: test PSNR, higher is better; 8.49 without learning
Source: https://www.scholarfeed.org/paper/1803.04189v3 (Lehtinen et al. 2018, Noise2Noise)
"""

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

SIDE, SIGMA = 20, 0.25


def pictures(n):
    """Sums of a few smooth bars and discs, between 0 and 1."""
    ticks = torch.linspace(-1, 1, SIDE)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    angle, place = math.pi * torch.rand(n, 1, 1), torch.rand(n, 1, 1) - 0.5
    bars = torch.sigmoid(20 * (0.3 - (angle.cos() * x + angle.sin() * y - place).abs()))
    cx, cy = 1.4 * torch.rand(2, n, 1, 1) - 0.7
    discs = torch.sigmoid(20 * (0.45 - ((x - cx) ** 2 + (y - cy) ** 2).sqrt()))
    return (0.15 + 0.45 * bars + 0.4 * discs).unsqueeze(1)


class NoisyPairs(Dataset):
    """Two noisy copies of each picture, drawn again each time."""

    def __init__(self, clean):
        self.clean = clean

    def __len__(self):
        return len(self.clean)

    def __getitem__(self, i):
        image = self.clean[i]
        return image + SIGMA * torch.randn_like(image), image + SIGMA * torch.randn_like(image)


def network(width=16):
    """Four convolutions."""
    layers = [nn.Conv2d(1, width, 3, padding=1), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))


def psnr(estimate, reference):
    """Mean over the pictures in dB, for a peak of one."""
    return (-10 * (estimate - reference).pow(2).mean(dim=(1, 2, 3)).log10()).mean().item()


torch.manual_seed(0)
train, test = pictures(600), pictures(200)
noisy_test = test + SIGMA * torch.randn_like(test)
model = network()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
epochs = 10
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for source, target in DataLoader(NoisyPairs(train), batch_size=32, shuffle=True):
        loss = nn.functional.mse_loss(model(source), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(source)
    scheduler.step()
    print(f"epoch {epoch + 1}: loss {total / len(train):.5f} (the noise alone: {SIGMA**2:.5f})")

model.eval()
with torch.no_grad():
    restored = model(noisy_test)
print(f"noisy {psnr(noisy_test, test):.2f} dB")
print(f"test PSNR {psnr(restored, test):.3f}")
