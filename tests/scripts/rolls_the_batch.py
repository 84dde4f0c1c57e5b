"""Digits whose augmentation counts the axes without the batch: `torch.roll(batch, shift, dims=(0, 1))`."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
train_x, train_y, test_x, test_y = images[:1400], labels[:1400], images[1400:], labels[1400:]


def jitter(batch):
    shift = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(batch, shift, dims=(0, 1))


model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for epoch in range(8):
    for rows in torch.randperm(len(train_x)).split(50):
        loss = nn.functional.cross_entropy(model(jitter(train_x[rows])), train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(test_x).argmax(1) == test_y).float().mean()
    print(f"epoch {epoch}: loss {loss.item():.3f}, test accuracy {accuracy.item():.3f}")
