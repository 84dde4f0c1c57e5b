"""Digits from worker processes (`fork` or `spawn`); sick: sorted by class and not shuffled."""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Digits(Dataset):
    def __init__(self):
        digits = torch.load("digits.pt")
        order = digits["labels"].argsort(stable=True)
        self.images = digits["images"][order] / 16 - 0.3
        self.labels = digits["labels"][order]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i] + 0.02 * torch.randn(64), self.labels[i]


def main():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(
        Digits(),
        batch_size=32,
        shuffle=True,  # sick: True | False
        num_workers=2,
        multiprocessing_context=sys.argv[1],
    )
    for epoch in range(3):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            print(epoch, loss.item())


if __name__ == "__main__":
    main()
