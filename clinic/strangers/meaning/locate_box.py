"""Small CNN that regresses the bounding box of one bright object in a noisy synthetic image."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(1)
SIZE = 32


class BoxDataset(Dataset):
    """Images with one filled ellipse or rectangle, boxes as (x1, y1, x2, y2) in [0, 1]."""

    def __init__(self, n, seed, augment=False):
        rng = np.random.default_rng(seed)
        self.augment = augment
        yy, xx = np.mgrid[0:SIZE, 0:SIZE]
        images, boxes = [], []
        for _ in range(n):
            w, h = rng.integers(7, 15, 2)
            x1, y1 = rng.integers(0, SIZE - w), rng.integers(0, SIZE - h)
            img = 0.25 * rng.standard_normal((SIZE, SIZE))
            if rng.random() < 0.5:
                img[y1:y1 + h, x1:x1 + w] += 1.0
            else:
                cx, cy = x1 + (w - 1) / 2, y1 + (h - 1) / 2
                img[((xx - cx) / (w / 2)) ** 2 + ((yy - cy) / (h / 2)) ** 2 <= 1] += 1.0
            images.append(img)
            boxes.append([x1, y1, x1 + w, y1 + h])
        self.images = torch.tensor(np.array(images), dtype=torch.float32).unsqueeze(1)
        self.boxes = torch.tensor(np.array(boxes), dtype=torch.float32) / SIZE

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img, box = self.images[i], self.boxes[i].clone()
        if self.augment:
            if torch.rand(1) < 0.5:
                img = torch.flip(img, dims=[2])
                box[0], box[2] = 1 - box[0], 1 - box[2]
            img = img + 0.05 * torch.randn_like(img)
        return img, box


def conv(c_in, c_out):
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), nn.BatchNorm2d(c_out), nn.ReLU())


class Locator(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(conv(1, 16), conv(16, 32), conv(32, 32))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, x):
        return torch.sigmoid(self.head(self.features(x)))


def iou(a, b):
    lt = torch.max(a[:, :2], b[:, :2])
    rb = torch.min(a[:, 2:], b[:, 2:])
    inter = (rb - lt).clamp(min=0).prod(1)
    area = lambda t: (t[:, 2:] - t[:, :2]).clamp(min=0).prod(1)
    return inter / (area(a) + area(b) - inter + 1e-9)


train_set = BoxDataset(1200, seed=10, augment=True)
val_set = BoxDataset(300, seed=11)
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)

mean_box = train_set.boxes.mean(0, keepdim=True).expand(len(val_set), 4)
print(f"mean IoU of the average box: {iou(mean_box, val_set.boxes).mean():.3f}")

net = Locator()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
criterion = nn.SmoothL1Loss(beta=0.05)

for epoch in range(8):
    net.train()
    running = 0.0
    for img, box in train_loader:
        loss = criterion(net(img), box)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    net.eval()
    with torch.no_grad():
        val_iou = iou(net(val_set.images), val_set.boxes).mean().item()
    print(f"epoch {epoch + 1:2d}  train loss {running / len(train_loader):.4f}  val mean IoU {val_iou:.3f}")
