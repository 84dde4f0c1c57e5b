"""Binary segmentation of bright blobs in noisy 32x32 images with a small U-Net."""
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def draw_sample(size=32):
    yy, xx = np.mgrid[:size, :size]
    mask = np.zeros((size, size), dtype=bool)
    for _ in range(np.random.randint(1, 4)):
        cy, cx = np.random.uniform(4, size - 4, 2)
        ry, rx = np.random.uniform(3, 7, 2)
        if np.random.rand() < 0.5:
            mask |= ((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1
        else:
            mask |= (abs(yy - cy) < ry) & (abs(xx - cx) < rx)
    shading = 0.3 * (xx + yy) / (2 * size)
    img = 0.3 + shading + 0.3 * mask + 0.12 * np.random.randn(size, size)
    return img.astype(np.float32), mask.astype(np.float32)


class RandomFlipRotate:
    def __call__(self, t):
        if random.random() < 0.5:
            t = torch.flip(t, dims=[-1])
        if random.random() < 0.5:
            t = torch.flip(t, dims=[-2])
        return torch.rot90(t, k=random.randint(0, 3), dims=[-2, -1])


class BlobDataset(Dataset):
    def __init__(self, n, transform=None):
        samples = [draw_sample() for _ in range(n)]
        self.images = torch.from_numpy(np.stack([s[0] for s in samples])).unsqueeze(1)
        self.masks = torch.from_numpy(np.stack([s[1] for s in samples])).unsqueeze(1)
        self.images = (self.images - self.images.mean()) / self.images.std()
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, idx):
        image, mask = self.images[idx], self.masks[idx]
        if self.transform is not None:
            image, mask = self.transform(image), self.transform(mask)
        return image, mask


def conv_block(c_in, c_out):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(inplace=True),
    )


class TinyUNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.enc1 = conv_block(1, width)
        self.enc2 = conv_block(width, width * 2)
        self.mid = conv_block(width * 2, width * 4)
        self.dec2 = conv_block(width * 6, width * 2)
        self.dec1 = conv_block(width * 3, width)
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        e1 = self.enc1(x)
        e2 = self.enc2(F.max_pool2d(e1, 2))
        m = self.mid(F.max_pool2d(e2, 2))
        d2 = self.dec2(torch.cat([F.interpolate(m, scale_factor=2), e2], dim=1))
        d1 = self.dec1(torch.cat([F.interpolate(d2, scale_factor=2), e1], dim=1))
        return self.out(d1)


@torch.no_grad()
def mean_iou(model, loader):
    model.eval()
    scores = []
    for image, mask in loader:
        pred = model(image).sigmoid() > 0.5
        truth = mask > 0.5
        inter = (pred & truth).sum(dim=(1, 2, 3)).float()
        union = (pred | truth).sum(dim=(1, 2, 3)).float()
        scores.append(inter / union.clamp(min=1))
    return torch.cat(scores).mean().item()


def train(seed=0, epochs=5):
    set_seed(seed)
    train_set = BlobDataset(400, transform=RandomFlipRotate())
    val_set = BlobDataset(150)
    train_loader = DataLoader(train_set, batch_size=16, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=50)

    model = TinyUNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.BCEWithLogitsLoss()

    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for image, mask in train_loader:
            loss = criterion(model(image), mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(image)
        print(f"[{epoch:02d}/{epochs}] loss={total / len(train_set):.4f} val_iou={mean_iou(model, val_loader):.4f}")
    print(f"final val_iou={mean_iou(model, val_loader):.4f}")


if __name__ == "__main__":
    train()
