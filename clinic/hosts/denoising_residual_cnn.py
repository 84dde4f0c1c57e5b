"""A residual convolutional network that removes Gaussian noise from images.

Field: image denoising
Metric: test PSNR, higher is better; 15.05 without learning
"""

import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
np.random.seed(0)

SIDE, SIGMA = 20, 0.2


def clean_images(n):
    """Piecewise constant scenes: overlapping rectangles and half planes in [0, 1]."""
    yy, xx = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    out = np.empty((n, SIDE, SIDE), dtype=np.float32)
    for k in range(n):
        img = np.full((SIDE, SIDE), np.random.rand())
        angle = np.random.uniform(0, 2 * np.pi)
        edge = np.cos(angle) * (xx - SIDE / 2) + np.sin(angle) * (yy - SIDE / 2) > np.random.uniform(-4, 4)
        img[edge] = np.random.rand()
        for _ in range(3):
            top, left = np.random.randint(0, SIDE - 6, size=2)
            height, width = np.random.randint(5, 12, size=2)
            img[top : top + height, left : left + width] = np.random.rand()
        out[k] = img
    return torch.from_numpy(out).unsqueeze(1)


class DnCNN(nn.Module):
    """Predicts the noise; the image is the input less that."""

    def __init__(self, depth=4, width=12):
        super().__init__()
        layers = [nn.Conv2d(1, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        layers.append(nn.Conv2d(width, 1, 3, padding=1))
        self.body = nn.Sequential(*layers)

    def forward(self, noisy):
        """The noise contained in the image."""
        return self.body(noisy)


def psnr(estimate, reference):
    """Peak signal-to-noise ratio in dB of each image, for a peak of one."""
    estimate = np.clip(estimate.numpy(), 0.0, 1.0)
    mse = ((estimate - reference.numpy()) ** 2).mean(axis=(1, 2, 3))
    return 10 * np.log10(1.0 / mse)


train = clean_images(480)
test = clean_images(150)
test_noisy = test + SIGMA * torch.randn_like(test)

model = DnCNN()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[7, 10], gamma=0.3)

for epoch in range(12):
    model.train()
    order = torch.randperm(len(train))
    total = 0.0
    for batch in order.split(40):
        clean = train[batch]
        noise = SIGMA * torch.randn_like(clean)
        loss = criterion(model(clean + noise), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    scheduler.step()
    if epoch % 3 == 0:
        print(f"epoch {epoch}: mean squared error of the noise {total / len(train):.5f}")

model.eval()
with torch.no_grad():
    restored = test_noisy - model(test_noisy)
print(f"noisy images {psnr(test_noisy, test).mean():.2f} dB")
print(f"test PSNR {psnr(restored, test).mean():.3f}")
