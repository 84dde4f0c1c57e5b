"""A mean teacher for digit images of which only sixty are labelled.

Field: semi-supervised learning
Metric: teacher test accuracy, higher is better; 0.135 without learning
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

STEPS, RAMP, DECAY = 300, 100, 0.97


class SmallConvNet(nn.Module):
    """Two normalised convolutions, pooling and a hidden layer."""

    def __init__(self, width=12):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.hidden = nn.Linear(2 * width * 16, 64)
        self.norm = nn.BatchNorm1d(64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        """Return logits for images of shape (batch, 8, 8)."""
        h = self.features(x.unsqueeze(1)).flatten(1)
        return self.out(F.relu(self.norm(self.hidden(h))))


def augment(x):
    """Shift a batch by at most one pixel, change its contrast and add noise."""
    shift = tuple(np.random.randint(-1, 2, size=2))
    moved = torch.roll(x, shifts=shift, dims=(1, 2))
    contrast = 0.8 + 0.4 * torch.rand(len(x), 1, 1)
    return moved * contrast + 0.15 * torch.randn_like(moved)


@torch.no_grad()
def update_teacher(teacher, student, decay):
    """Move the weights of the teacher towards the student and copy the running statistics."""
    for slow, fast in zip(teacher.parameters(), student.parameters()):
        slow.mul_(decay).add_(fast, alpha=1 - decay)
    for slow, fast in zip(teacher.buffers(), student.buffers()):
        slow.copy_(fast)


@torch.no_grad()
def accuracy(model, x, y):
    """Return the share of images that a model classifies correctly."""
    model.eval()
    return (model(x).argmax(dim=1) == y).float().mean().item()


def main():
    """Train the student on labels and on agreement with the teacher, then test the teacher."""
    torch.manual_seed(0)
    np.random.seed(0)
    digits = load_digits()
    images = torch.tensor((digits.images - 4.9) / 6.0, dtype=torch.float32)
    labels = torch.tensor(digits.target)
    train, test = train_test_split(np.arange(len(images)), test_size=0.3, random_state=0, stratify=digits.target)
    labelled, unlabelled = train_test_split(train, train_size=60, random_state=0, stratify=digits.target[train])

    student, teacher = SmallConvNet(), SmallConvNet()
    teacher.load_state_dict(student.state_dict())
    for p in teacher.parameters():
        p.requires_grad_(False)
    optimizer = torch.optim.Adam(student.parameters(), lr=2e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS, eta_min=1e-4)

    for step in range(1, STEPS + 1):
        student.train()
        teacher.eval()
        pool = images[np.random.choice(unlabelled, 60, replace=False)]
        both = torch.cat([images[labelled], pool])
        with torch.no_grad():
            target = F.softmax(teacher(augment(both)), dim=1)
        logits = student(augment(both))
        supervised = F.cross_entropy(logits[:60], labels[labelled])
        consistency = ((F.softmax(logits, dim=1) - target) ** 2).sum(dim=1).mean()
        loss = supervised + 3.0 * min(1.0, step / RAMP) * consistency
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        update_teacher(teacher, student, min(DECAY, 1 - 1 / (step + 1)))
        if step % 60 == 0:
            print(f"step {step}  supervised {supervised.item():.4f}  consistency {consistency.item():.4f}")

    print(f"student accuracy {accuracy(student, images[test], labels[test]):.4f}")
    print(f"teacher test accuracy {accuracy(teacher, images[test], labels[test]):.4f}")


if __name__ == "__main__":
    main()
