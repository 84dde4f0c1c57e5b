import math
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader

torch.manual_seed(0)
np.random.seed(0)
random.seed(0)

SIZE = 32


def draw_arrow(rs):
    """Grey image with one arrow-like object: a disc (tip) and a thin shaft ending in the tail."""
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    while True:
        tip = rs.uniform(4, SIZE - 4, 2)
        ang, length = rs.uniform(0, 2 * math.pi), rs.uniform(8, 16)
        tail = tip + length * np.array([math.cos(ang), math.sin(ang)])
        if 2 < tail.min() and tail.max() < SIZE - 2:
            break
    img = 0.15 * rs.randn(SIZE, SIZE).astype(np.float32)
    for s in np.linspace(0, 1, 14):
        px, py = tip * (1 - s) + tail * s
        img += 0.25 * np.exp(-((xx - px) ** 2 + (yy - py) ** 2) / 2.0)
    img += 1.2 * np.exp(-((xx - tip[0]) ** 2 + (yy - tip[1]) ** 2) / 8.0)
    kps = np.stack([tip, tail]).astype(np.float32) / SIZE
    return img.astype(np.float32), kps


class ArrowDataset(Dataset):
    def __init__(self, n, seed, augment=False):
        rs = np.random.RandomState(seed)
        samples = [draw_arrow(rs) for _ in range(n)]
        self.images = torch.from_numpy(np.stack([s[0] for s in samples])).unsqueeze(1)
        self.points = torch.from_numpy(np.stack([s[1] for s in samples]))
        self.augment = augment

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img, pts = self.images[i], self.points[i].clone()
        if self.augment:
            if random.random() < 0.5:
                img = torch.flip(img, dims=[2])
            img = img * random.uniform(0.8, 1.2)
        return img, pts


class KeypointNet(nn.Module):
    def __init__(self, n_points=2):
        super().__init__()
        self.n_points = n_points
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Linear(32 * 64, 64), nn.ReLU(), nn.Linear(64, 2 * n_points))

    def forward(self, x):
        h = self.features(x).flatten(1)
        return torch.sigmoid(self.head(h)).view(-1, self.n_points, 2)


@torch.no_grad()
def pixel_error(model, ds):
    model.eval()
    err, n = 0.0, 0
    for img, pts in DataLoader(ds, batch_size=200):
        d = (model(img) - pts).mul(SIZE).pow(2).sum(-1).sqrt()
        err += d.sum().item()
        n += d.numel()
    return err / n


def main():
    train_ds = ArrowDataset(1600, seed=1, augment=True)
    val_ds = ArrowDataset(400, seed=2)
    loader = DataLoader(train_ds, batch_size=64, shuffle=True)
    model = KeypointNet()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    epochs = 11
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=4e-3, total_steps=epochs * len(loader))
    for ep in range(epochs):
        model.train()
        running = 0.0
        for img, pts in loader:
            loss = F.smooth_l1_loss(model(img), pts, beta=0.05)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            running += loss.item()
        if (ep + 1) % 3 == 0 or ep + 1 == epochs:
            print(f"epoch {ep + 1}: loss {running / len(loader):.5f}  val px error {pixel_error(model, val_ds):.2f}")
    print(f"final mean keypoint error (pixels): {pixel_error(model, val_ds):.3f}")


if __name__ == "__main__":
    main()
