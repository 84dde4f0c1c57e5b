"""Classifies digits from few labels with mixup.

On purpose: each input is blended with that of a random partner, and the loss is taken against both labels.

Field: image classification
Metric: test accuracy, higher is better; 0.2155 without learning
Source: https://github.com/kibok90/imix/issues/4, which points to facebookresearch/mixup-cifar10, train.py
"""

import torch
from sklearn.datasets import load_digits
from torch import nn


def mixup_data(x, y, alpha):
    """Blends of the rows with those of a permutation, both labels, and the share of the first."""
    share = torch.distributions.Beta(alpha, alpha).sample()
    index = torch.randperm(len(x))
    return share * x + (1 - share) * x[index], y, y[index], share


def mixup_criterion(criterion, logits, y_a, y_b, share):
    """The blended loss."""
    return share * criterion(logits, y_a) + (1 - share) * criterion(logits, y_b)


def main():
    """Train on a third of the digits and test on the others."""
    torch.manual_seed(0)
    digits = load_digits()
    order = torch.randperm(len(digits.target))
    images = (torch.tensor(digits.images, dtype=torch.float32) / 16.0).unsqueeze(1)[order]
    labels = torch.tensor(digits.target)[order]
    cut = 600
    model = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3, padding=1),
        nn.BatchNorm2d(48),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(48 * 16, 10),
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    epochs = 25
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(cut).split(50):
            x, y_a, y_b, share = mixup_data(images[rows], labels[rows], alpha=0.8)
            loss = mixup_criterion(criterion, model(x), y_a, y_b, share)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        scheduler.step()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {total / cut:.4f}")

    model.eval()
    with torch.no_grad():
        guess = model(images[cut:]).argmax(dim=1)
    print(f"test accuracy {(guess == labels[cut:]).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
