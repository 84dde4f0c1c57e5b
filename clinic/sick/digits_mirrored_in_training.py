"""Handwritten digits, each image mirrored on its way into the network.

Fault: unreadable
Fix: no flip in the training step: a mirrored 2 is no 2, and the test images are not mirrored
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(4)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
train_x, train_y, test_x, test_y = images[:1400], labels[:1400], images[1400:], labels[1400:]

hidden = 64  # clinic: 64 | 48 | 96
model = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

for epoch in range(12):
    model.train()
    for rows in torch.randperm(len(train_x)).split(50):
        augmented = torch.flip(train_x[rows], dims=(2,))  # clinic: torch.flip(train_x[rows], dims=(2,)) | train_x[rows].flip(-1) | torch.rot90(train_x[rows], 2, (1, 2))
        loss = nn.functional.cross_entropy(model(augmented), train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(test_x).argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, test accuracy {right:.3f}")
