"""A convolutional network that finds and names the one shape in each image.

Field: object localisation
Metric: localisation score, higher is better; 0.123 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn

SIZE = 28
CLASSES = ("square", "ring", "cross")


def draw(n, gen):
    """Draw n images; boxes are (cx, cy, w, h) as fractions of the image side."""
    grid = torch.arange(SIZE).float() + 0.5
    kind = torch.randint(len(CLASSES), (n,), generator=gen)
    half = torch.rand(n, 2, generator=gen) * 3.5 + 4.5
    centre = half + torch.rand(n, 2, generator=gen) * (SIZE - 2 * half)
    dx = ((grid[None, :] - centre[:, :1]) / half[:, :1])[:, None, :]
    dy = ((grid[None, :] - centre[:, 1:]) / half[:, 1:])[:, :, None]
    square = (dx.abs() <= 1) & (dy.abs() <= 1)
    radius = dx**2 + dy**2
    ring = (radius <= 1) & (radius >= 0.3)
    cross = square & ((dx.abs() <= 0.33) | (dy.abs() <= 0.33))
    shape = torch.stack([square, ring, cross], dim=1)[torch.arange(n), kind].float()
    contrast = 0.6 + 0.4 * torch.rand(n, 1, 1, generator=gen)
    images = contrast * shape + 0.1 * torch.randn(n, SIZE, SIZE, generator=gen)
    boxes = torch.cat([centre, 2 * half], dim=1) / SIZE
    return images.unsqueeze(1), kind, boxes


def to_corners(box):
    """Turn (cx, cy, w, h) into (x1, y1, x2, y2)."""
    centre, size = box[:, :2], box[:, 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=1)


def box_iou(a, b):
    """IoU of each box of a with the box of b in the same row."""
    a, b = to_corners(a), to_corners(b)
    top_left = torch.maximum(a[:, :2], b[:, :2])
    bottom_right = torch.minimum(a[:, 2:], b[:, 2:])
    inter = (bottom_right - top_left).clamp(min=0).prod(dim=1)
    area_a = (a[:, 2:] - a[:, :2]).clamp(min=0).prod(dim=1)
    area_b = (b[:, 2:] - b[:, :2]).clamp(min=0).prod(dim=1)
    return inter / (area_a + area_b - inter)


class Localiser(nn.Module):
    """A shared trunk with a class head and a box head."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 7 * 7, 96),
            nn.ReLU(),
        )
        self.classify = nn.Linear(96, len(CLASSES))
        self.regress = nn.Linear(96, 4)

    def forward(self, x):
        """Class logits and a box in (0, 1)."""
        h = self.trunk(x)
        return self.classify(h), torch.sigmoid(self.regress(h))


def main():
    """Train on drawn images and score on unseen ones."""
    torch.manual_seed(0)
    gen = torch.Generator().manual_seed(torch.initial_seed() + 1)
    images, kinds, boxes = draw(2500, gen)
    test_images, test_kinds, test_boxes = draw(500, gen)
    model = Localiser()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    steps = 320
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=6e-3, total_steps=steps)
    for step in range(1, steps + 1):
        pick = torch.randint(len(images), (64,))
        logits, pred = model(images[pick])
        class_loss = F.cross_entropy(logits, kinds[pick])
        box_loss = F.smooth_l1_loss(pred, boxes[pick], beta=0.02)
        loss = class_loss + 10.0 * box_loss
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 64 == 0:
            print(f"step {step}: class {class_loss.item():.3f} box {box_loss.item():.4f}")

    model.eval()
    with torch.no_grad():
        logits, pred = model(test_images)
    right = logits.argmax(dim=1) == test_kinds
    iou = box_iou(pred, test_boxes)
    print(f"class accuracy {right.float().mean():.3f}, mean IoU {iou.mean():.3f}")
    print(f"localisation score {(iou * right).mean():.4f}")


if __name__ == "__main__":
    main()
