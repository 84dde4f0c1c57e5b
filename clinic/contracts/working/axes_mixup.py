"""Trains a convolutional network on mixtures of pairs of images with mixup.

Field: image classification
Metric: test accuracy, higher is better; 0.1 without learning
On purpose: every input is a mixture of two examples of the batch, drawn by a random permutation of its rows.
Source: mixup, as in https://github.com/Zdafeng/SwinFIR/issues/1 (a permutation of the batch on purpose)
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
train, test = order[:1200], order[1200:]


def mixup(x, y, alpha=0.4):
    """Mixes the batch with itself in another order; gives both labels and the share of the first."""
    share = float(rng.beta(alpha, alpha))
    other = torch.randperm(len(x))
    return share * x + (1 - share) * x[other], y, y[other], share


net = nn.Sequential(
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
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
epochs = 15
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    net.train()
    for rows in train[torch.randperm(len(train))].split(60):
        x, first, second, share = mixup(images[rows], labels[rows])
        logits = net(x)
        loss = share * criterion(logits, first) + (1 - share) * criterion(logits, second)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")

net.eval()
with torch.no_grad():
    guess = net(images[test]).argmax(dim=1)
print(f"test accuracy {(guess == labels[test]).float().mean().item():.4f}")
