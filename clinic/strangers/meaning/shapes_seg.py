"""Trains a small encoder-decoder to segment the bright rectangles and discs in noisy 32x32 images."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SIZE = 32


def draw_sample(rng):
    mask = np.zeros((SIZE, SIZE), dtype=np.float32)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    cy, cx = rng.integers(6, SIZE - 6, size=2)
    if rng.random() < 0.5:
        h, w = rng.integers(3, 9, size=2)
        mask[(abs(yy - cy) <= h) & (abs(xx - cx) <= w)] = 1
    else:
        r = rng.integers(4, 9)
        mask[(yy - cy) ** 2 + (xx - cx) ** 2 <= r * r] = 1
    shade = np.linspace(0, 0.4, SIZE, dtype=np.float32)[None, :]
    img = 0.6 * mask + shade + 0.3 * rng.standard_normal((SIZE, SIZE)).astype(np.float32)
    return img[None], mask[None]


class RandomDihedral:
    """Random flip followed by a random multiple of 90 degrees."""

    def __call__(self, t):
        if torch.rand(1).item() < 0.5:
            t = torch.flip(t, dims=(-1,))
        k = int(torch.randint(0, 4, (1,)))
        return torch.rot90(t, k, dims=(-2, -1))


class ShapesDataset(Dataset):
    def __init__(self, n, seed, transform=None):
        rng = np.random.default_rng(seed)
        pairs = [draw_sample(rng) for _ in range(n)]
        self.images = torch.from_numpy(np.stack([p[0] for p in pairs]))
        self.masks = torch.from_numpy(np.stack([p[1] for p in pairs]))
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img, mask = self.images[i], self.masks[i]
        if self.transform is not None:
            img = self.transform(img)
            mask = self.transform(mask)
        return img, mask


class SmallUNet(nn.Module):
    def __init__(self, c=6):
        super().__init__()
        self.enc1 = nn.Sequential(nn.Conv2d(1, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU())
        self.enc2 = nn.Sequential(nn.Conv2d(c, 2 * c, 3, padding=1), nn.BatchNorm2d(2 * c), nn.ReLU())
        self.mid = nn.Sequential(nn.Conv2d(2 * c, 2 * c, 3, padding=1), nn.BatchNorm2d(2 * c), nn.ReLU())
        self.dec = nn.Sequential(nn.Conv2d(3 * c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU())
        self.out = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.enc1(x)
        b = self.mid(self.enc2(F.max_pool2d(a, 2)))
        b = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        return self.out(self.dec(torch.cat([a, b], dim=1)))


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    inter = union = 0.0
    for x, y in loader:
        pred = (model(x) > 0).float()
        inter += (pred * y).sum().item()
        union += ((pred + y) > 0).float().sum().item()
    return inter / max(union, 1.0)


def main():
    torch.manual_seed(0)
    train_dl = DataLoader(ShapesDataset(600, 1, RandomDihedral()), batch_size=32, shuffle=True)
    val_dl = DataLoader(ShapesDataset(200, 2), batch_size=100)
    model = SmallUNet()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(1, 6):
        model.train()
        total = 0.0
        for x, y in train_dl:
            loss = F.binary_cross_entropy_with_logits(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(x)
        print(f"epoch {epoch}  train loss {total / 600:.4f}  val IoU {evaluate(model, val_dl):.4f}")


if __name__ == "__main__":
    main()
