"""A small encoder-decoder network that segments bright ellipses in noisy images.

Field: segmentation
Metric: test IoU, higher is better; 0.326 without learning
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)

SIZE = 24
EPOCHS = 10


def make_images(count):
    """Noisy images with one or two ellipses on a shaded background, and their masks."""
    rows, cols = np.mgrid[0:SIZE, 0:SIZE]
    images = np.zeros((count, 1, SIZE, SIZE), dtype=np.float32)
    masks = np.zeros((count, 1, SIZE, SIZE), dtype=np.float32)
    for i in range(count):
        background = rng.uniform(-0.3, 0.3) * (cols / SIZE - 0.5) + rng.uniform(-0.3, 0.3) * (rows / SIZE - 0.5)
        for _ in range(rng.integers(1, 3)):
            cy, cx = rng.uniform(5, SIZE - 5, 2)
            ry, rx = rng.uniform(3, 7, 2)
            inside = ((rows - cy) / ry) ** 2 + ((cols - cx) / rx) ** 2 <= 1
            masks[i, 0][inside] = 1
        images[i, 0] = background + 0.7 * masks[i, 0] + 0.35 * rng.standard_normal((SIZE, SIZE))
    return torch.from_numpy(images), torch.from_numpy(masks)


class ConvBlock(nn.Sequential):
    """Convolution, batch norm and ReLU."""

    def __init__(self, c_in, c_out):
        super().__init__(nn.Conv2d(c_in, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU())


class TinyUNet(nn.Module):
    """One level of pooling and one skip connection."""

    def __init__(self, width=8):
        super().__init__()
        self.down = ConvBlock(1, width)
        self.middle = nn.Sequential(ConvBlock(width, 2 * width), ConvBlock(2 * width, width))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.merge = ConvBlock(2 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        """Logits, one for each pixel."""
        skip = self.down(x)
        deep = self.up(self.middle(nn.functional.max_pool2d(skip, 2)))
        return self.head(self.merge(torch.cat([skip, deep], dim=1)))


def soft_dice_loss(logits, target, smooth=1.0):
    """One minus the soft Dice coefficient, averaged over the images."""
    prob = torch.sigmoid(logits).flatten(1)
    target = target.flatten(1)
    overlap = (prob * target).sum(dim=1)
    total = prob.sum(dim=1) + target.sum(dim=1)
    return (1 - (2 * overlap + smooth) / (total + smooth)).mean()


train_x, train_y = make_images(352)
test_x, test_y = make_images(200)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, shuffle=True)

net = TinyUNet()
bce = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    running = 0.0
    for x, y in loader:
        logits = net(x)
        loss = soft_dice_loss(logits, y) + bce(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x)
    scheduler.step()
    if epoch % 3 == 0:
        print(f"epoch {epoch + 1:2d}  loss {running / len(train_x):.4f}")

net.eval()
with torch.no_grad():
    predicted = (net(test_x) > 0).numpy()
truth = test_y.numpy() > 0.5
intersection = np.logical_and(predicted, truth).sum(axis=(1, 2, 3))
union = np.logical_or(predicted, truth).sum(axis=(1, 2, 3))
print(f"test IoU {np.mean(intersection / union):.4f}")
