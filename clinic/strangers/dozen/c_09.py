import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

# Single-object localisation on synthetic frames: one bright block, clutter and noise.
SEED = 2
H, W = 32, 48
SCALE = torch.tensor([H, W, H, W], dtype=torch.float32)

torch.set_num_threads(1)
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


def render():
    img = np.random.normal(0.0, 0.15, size=(H, W))
    for _ in range(4):
        r, c = np.random.randint(0, H - 2), np.random.randint(0, W - 2)
        img[r:r + 2, c:c + 2] += 0.8
    w, h = np.random.randint(8, 19), np.random.randint(7, 15)
    x1, y1 = np.random.randint(0, W - w + 1), np.random.randint(0, H - h + 1)
    img[y1:y1 + h, x1:x1 + w] += np.random.uniform(0.7, 1.2)
    return img.astype(np.float32), np.array([x1, y1, x1 + w, y1 + h], dtype=np.float32)


class Frames(Dataset):
    def __init__(self, n, augment):
        items = [render() for _ in range(n)]
        self.images = torch.tensor(np.stack([i for i, _ in items])).unsqueeze(1)
        self.boxes = torch.tensor(np.stack([b for _, b in items]))
        self.augment = augment

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img, box = self.images[i], self.boxes[i]
        if self.augment and random.random() < 0.5:
            img = img.flip(-1)
        return img, box / SCALE


class Localiser(nn.Module):
    def __init__(self):
        super().__init__()

        def stage(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, stride=2, padding=1), nn.BatchNorm2d(o), nn.ReLU())

        self.backbone = nn.Sequential(stage(1, 12), stage(12, 24), stage(24, 32))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(32 * (H // 8) * (W // 8), 96), nn.ReLU(), nn.Linear(96, 4))

    def forward(self, x):
        return self.head(self.backbone(x))


def iou(a, b):
    left_top = torch.maximum(a[:, :2], b[:, :2])
    right_bottom = torch.minimum(a[:, 2:], b[:, 2:])
    inter = (right_bottom - left_top).clamp(min=0).prod(dim=1)
    area_a = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(dim=1)
    area_b = (b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=1)
    return inter / (area_a + area_b - inter + 1e-6)


@torch.no_grad()
def mean_iou(model, dataset):
    model.eval()
    scores = []
    for start in range(0, len(dataset), 100):
        pixels = model(dataset.images[start:start + 100]) * torch.tensor([W, H, W, H])
        scores.append(iou(pixels, dataset.boxes[start:start + 100]))
    return torch.cat(scores).mean().item()


train_set = Frames(1200, augment=True)
test_set = Frames(400, augment=False)
loader = DataLoader(train_set, batch_size=40, shuffle=True)

mean_box = train_set.boxes.mean(0, keepdim=True).expand(len(test_set), 4)
print(f"mean-box iou {iou(mean_box, test_set.boxes).mean().item():.3f}")

net = Localiser()
criterion = nn.SmoothL1Loss(beta=0.05)
optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
EPOCHS = 9
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, epochs=EPOCHS, steps_per_epoch=len(loader))

for epoch in range(EPOCHS):
    net.train()
    running = 0.0
    for images, targets in loader:
        loss = criterion(net(images), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        running += loss.item()
    if epoch % 3 == 2:
        print(f"[{epoch + 1:02d}/{EPOCHS}] loss {running / len(loader):.4f}")

print(f"test mean IoU: {mean_iou(net, test_set):.4f}")
