"""A convolutional network that finds a small cross among rings, from images cropped and mirrored at random.

Field: keypoint localisation
Metric: mean pixel error, lower is better; 4.74 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

DRAWN, SIZE = 26, 22


def draw(n):
    """Images (n, 1, DRAWN, DRAWN) with one cross and three rings, and the (x, y) of the cross in pixels."""
    ticks = torch.arange(DRAWN).float()
    images = 0.15 * torch.randn(n, 1, DRAWN, DRAWN)
    points = 6 + (DRAWN - 13) * torch.rand(n, 2)
    for i in range(n):
        dx, dy = (ticks - points[i, 0]).abs()[None, :], (ticks - points[i, 1]).abs()[:, None]
        images[i, 0] += ((dx < 2.6) & (dy < 2.6) & ((dx < 0.8) | (dy < 0.8))).float()
        for cx, cy in (DRAWN * torch.rand(3, 2)).tolist():
            radius = ((ticks[None, :] - cx) ** 2 + (ticks[:, None] - cy) ** 2).sqrt()
            images[i, 0] += 0.8 * ((radius - 2.2).abs() < 0.6).float()
    return images, points


class Keypoints(Dataset):
    """Crops of the drawn images; in training the crop and the orientation are random."""

    def __init__(self, n, augment):
        self.images, self.points = draw(n)
        self.augment = augment

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image, point = self.images[i], self.points[i]
        margin = DRAWN - SIZE
        left, top = torch.randint(margin + 1, (2,)).tolist() if self.augment else (margin // 2, margin // 2)
        image = image[:, top : top + SIZE, left : left + SIZE]
        point = point - torch.tensor([left, top])
        if self.augment and torch.rand(()) < 0.5:
            image = image.flip(-1)
            point = torch.stack([SIZE - 1 - point[0], point[1]])
        if self.augment and torch.rand(()) < 0.5:
            image = image.flip(-2)
            point = torch.stack([point[0], SIZE - 1 - point[1]])
        return image, point


class SoftArgmax(nn.Module):
    """Convolutions to one heat map; the answer is its centre of mass."""

    def __init__(self, width=12):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 5, padding=2),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        )
        rows, cols = torch.meshgrid(torch.arange(SIZE).float(), torch.arange(SIZE).float(), indexing="ij")
        self.register_buffer("grid", torch.stack([cols, rows], dim=-1).flatten(0, 1))

    def forward(self, images):
        """The (x, y) of the keypoint in pixels."""
        weights = F.softmax(self.features(images).flatten(1), dim=1)
        return weights @ self.grid


def main():
    """Train on augmented crops and measure on centre crops."""
    torch.manual_seed(0)
    train, test = Keypoints(500, augment=True), Keypoints(300, augment=False)
    model = SoftArgmax()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    epochs = 14
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for images, points in DataLoader(train, batch_size=32, shuffle=True, drop_last=True):
            loss = F.mse_loss(model(images), points)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
        schedule.step()
        if epoch % 3 == 1:
            print(f"epoch {epoch:2d}: loss {total / len(train):.4f}")

    model.eval()
    errors = []
    with torch.no_grad():
        for images, points in DataLoader(test, batch_size=100):
            errors.append((model(images) - points).norm(dim=1))
    print(f"mean pixel error {torch.cat(errors).mean().item():.4f}")


if __name__ == "__main__":
    main()
