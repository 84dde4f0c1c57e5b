"""Find the marker in a noisy scan: one bounding box per picture."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
np.random.seed(0)

SIZE = 32


class MarkerScans(Dataset):
    """Grey pictures with a bright rectangle; the box is (x1, y1, x2, y2)."""

    def __init__(self, n, augment=False):
        self.augment = augment
        self.images = 0.35 * np.random.randn(n, 1, SIZE, SIZE).astype(np.float32)
        self.boxes = np.zeros((n, 4), dtype=np.float32)
        for i in range(n):
            w, h = np.random.randint(8, 15, 2)
            x1, y1 = np.random.randint(0, SIZE - w), np.random.randint(0, SIZE - h)
            self.images[i, 0, y1:y1 + h, x1:x1 + w] += 1.2
            for _ in range(3):
                dx, dy = np.random.randint(0, SIZE - 2, 2)
                self.images[i, 0, dy:dy + 2, dx:dx + 2] += 1.0
            self.boxes[i] = (x1, y1, x1 + w, y1 + h)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        img = torch.from_numpy(self.images[i])
        box = torch.from_numpy(self.boxes[i])
        if self.augment:
            if torch.rand(1).item() < 0.5:
                img = torch.flip(img, dims=[2])
            img = img + 0.05 * torch.randn_like(img)
        return img, box


class BoxNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(24, 24, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(),
        )
        self.fc = nn.Sequential(nn.Linear(24 * 4 * 4, 64), nn.ReLU())
        self.box = nn.Linear(64, 4)

    def forward(self, x):
        z = self.fc(self.features(x))
        return torch.sigmoid(self.box(z))


def iou(a, b):
    x1, y1 = torch.maximum(a[:, 0], b[:, 0]), torch.maximum(a[:, 1], b[:, 1])
    x2, y2 = torch.minimum(a[:, 2], b[:, 2]), torch.minimum(a[:, 3], b[:, 3])
    inter = (x2 - x1).clamp(min=0) * (y2 - y1).clamp(min=0)
    area_a = (a[:, 2] - a[:, 0]).clamp(min=0) * (a[:, 3] - a[:, 1]).clamp(min=0)
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return inter / (area_a + area_b - inter)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    scores = torch.cat([iou(model(img), box) for img, box in loader])
    return scores.mean().item()


train_loader = DataLoader(MarkerScans(1500, augment=True), batch_size=32, shuffle=True)
test_loader = DataLoader(MarkerScans(300), batch_size=100)

model = BoxNet()
criterion = nn.SmoothL1Loss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(10):
    model.train()
    losses = []
    for img, box in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(img), box)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch + 1:2d} | loss {np.mean(losses):.4f}")

print(f"mean IoU on test pictures: {evaluate(model, test_loader):.4f}")
