"""A convolutional network finds the quarter of a small image that is bright."""

import torch
from torch import nn

SEED = 0
LR = 0.01

data = torch.Generator().manual_seed(3)
labels = torch.randint(4, (200,), generator=data)
images = torch.randn(200, 1, 6, 6, generator=data)
for quarter in range(4):
    row, column = 3 * (quarter // 2), 3 * (quarter % 2)
    images[labels == quarter, :, row : row + 3, column : column + 3] += 0.7

torch.manual_seed(SEED)
model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
for step in range(1, 61):
    rows = torch.randint(140, (12,))
    loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 6 == 0:
        with torch.no_grad():
            test_loss = nn.functional.cross_entropy(model(images[140:]), labels[140:]).item()
        print(f"step {step} test loss {test_loss:.6f}")
