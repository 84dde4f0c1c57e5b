"""Names digits of which half the classes are rare; a weighted sampler balances them and micro-batches are accumulated.

Field: imbalanced classification
Metric: balanced accuracy, higher is better; 0.1 without learning
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

torch.manual_seed(0)

RARE, KEPT = (1, 3, 5, 7, 9), 12
MICRO_BATCH, ACCUMULATE = 16, 4
EPOCHS = 16


class Digits(Dataset):
    """Pictures and labels; the pictures for training are moved by at most one pixel."""

    def __init__(self, images, labels, augment=False):
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.augment:
            down, right = torch.randint(-1, 2, (2,)).tolist()
            image = torch.roll(image, (down, right), dims=(1, 2))
        return image, self.labels[index]


def split(images, labels, rng, per_class=40):
    """Keeps forty examples of each class for the test, and few of the rare ones for training."""
    train, test = [], []
    for c in range(10):
        rows = rng.permutation(np.flatnonzero(labels == c))
        test.append(rows[:per_class])
        train.append(rows[per_class : per_class + KEPT] if c in RARE else rows[per_class:])
    return np.concatenate(train), np.concatenate(test)


class SmallCNN(nn.Module):
    """Two convolutions and a linear head."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.head = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x):
        """Logits of the ten digits."""
        h = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.head(F.relu(self.conv2(h)).flatten(1))


digits = load_digits()
rng = np.random.default_rng(0)
train_rows, test_rows = split(digits.images, digits.target, rng)
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
train_set = Digits(images[train_rows], labels[train_rows], augment=True)
x_test, y_test = images[test_rows], labels[test_rows]

counts = torch.bincount(train_set.labels, minlength=10)
example_weights = 1.0 / counts[train_set.labels].double()
sampler = WeightedRandomSampler(example_weights, num_samples=2 * len(train_set))
loader = DataLoader(train_set, batch_size=MICRO_BATCH, sampler=sampler)

model = SmallCNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
for epoch in range(1, EPOCHS + 1):
    model.train()
    total, seen = 0.0, 0
    optimizer.zero_grad()
    for i, (x, y) in enumerate(loader):
        loss = criterion(model(x), y)
        (loss / ACCUMULATE).backward()
        total, seen = total + loss.item() * len(y), seen + len(y)
        if (i + 1) % ACCUMULATE == 0:
            optimizer.step()
            optimizer.zero_grad()
    if epoch % 4 == 0:
        print(f"epoch {epoch}: loss {total / max(seen, 1):.4f}")

model.eval()
with torch.no_grad():
    predicted = model(x_test).argmax(dim=1)
print(f"balanced accuracy {balanced_accuracy_score(y_test.numpy(), predicted.numpy()):.4f}")
