"""Tanh network on handwritten digits."""

import argparse

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.utils.data import DataLoader, Dataset


class DigitsDataset(Dataset):
    """Digits as flat standardised vectors; every fifth one is kept for testing."""

    def __init__(self, train=True):
        data, target = datasets.load_digits(return_X_y=True)
        held_out = np.arange(len(target)) % 5 == 0
        mean, scale = data[~held_out].mean(axis=0), data[~held_out].std(axis=0)
        scale[scale == 0] = 1.0
        rows = ~held_out if train else held_out
        self.data = torch.from_numpy((data[rows] - mean) / scale).float()
        self.target = torch.from_numpy(target[rows])

    def __len__(self):
        return len(self.target)

    def __getitem__(self, index):
        return self.data[index], self.target[index]


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.constant_(m.weight, 0.05)
        nn.init.zeros_(m.bias)


def accuracy_and_loss(model, dataset):
    model.eval()
    with torch.no_grad():
        logits = model(dataset.data)
        loss = nn.functional.cross_entropy(logits, dataset.target)
        hits = logits.argmax(dim=-1).eq(dataset.target)
    return hits.float().mean().item(), loss.item()


def run(seed, epochs, lr):
    torch.manual_seed(seed)
    train_set, test_set = DigitsDataset(train=True), DigitsDataset(train=False)
    loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True)

    model = nn.Sequential(nn.Linear(64, 50), nn.Tanh(), nn.Linear(50, 50), nn.Tanh(), nn.Linear(50, 10))
    model.apply(init_weights)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    for epoch in range(epochs):
        model.train()
        for inputs, targets in loader:
            loss = nn.functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        accuracy, loss = accuracy_and_loss(model, test_set)
        print(f"epoch {epoch + 1}/{epochs}: test accuracy {accuracy:.1%}, test loss {loss:.3f}")

    accuracy, loss = accuracy_and_loss(model, train_set)
    print(f"done: training accuracy {accuracy:.1%}, training loss {loss:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=0.05)
    opts = parser.parse_args()
    run(opts.seed, opts.epochs, opts.lr)
