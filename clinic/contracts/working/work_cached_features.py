"""Trains a head on the features of a frozen convolutional network.

Field: transfer learning
Metric: test accuracy, higher is better; 0.1 without learning
On purpose: the features are computed in the first epoch alone and read from a cache from then on.
Source: https://github.com/Tencent/YOLO-Master/pull/239 (offline cache of frozen features)
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class CachedFeatures(Dataset):
    """Pictures as features of a network, each of which is computed when it is first asked for."""

    def __init__(self, backbone, images, labels):
        self.backbone, self.images, self.labels = backbone, images, labels
        self.cache = {}

    def __len__(self):
        return len(self.labels)

    @torch.no_grad()
    def __getitem__(self, index):
        if index not in self.cache:
            self.cache[index] = self.backbone(self.images[index : index + 1]).squeeze(0)
        return self.cache[index], self.labels[index]


def make_backbone():
    """A convolutional network whose features are of size 128."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(),
    )  # fmt: skip


def pretrain(backbone, images, labels):
    """Trains the network to tell the first five digits apart."""
    model = nn.Sequential(backbone, nn.Linear(128, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(8):
        for rows in torch.randperm(len(images)).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()


def main():
    """Pretrains on half of the classes, then learns all ten from features."""
    torch.manual_seed(0)
    digits = load_digits()
    order = torch.randperm(len(digits.target))
    images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)[order]
    labels = torch.tensor(digits.target)[order]
    first = torch.nonzero(labels[:600] < 5).squeeze(1)
    backbone = make_backbone()
    pretrain(backbone, images[first], labels[first])
    backbone.requires_grad_(False).eval()

    train_set = CachedFeatures(backbone, images[600:1300], labels[600:1300])
    loader = DataLoader(train_set, batch_size=50, shuffle=True)
    head = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-3)
    for epoch in range(1, 61):
        head.train()
        total = 0.0
        for features, y in loader:
            loss = criterion(head(features), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        if epoch % 15 == 0:
            print(f"epoch {epoch}: loss {total / len(train_set):.4f}, cached {len(train_set.cache)}")
    head.eval()
    with torch.no_grad():
        accuracy = (head(backbone(images[1300:])).argmax(dim=1) == labels[1300:]).float().mean().item()
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
