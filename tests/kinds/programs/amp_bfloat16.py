"""Digits in bfloat16; sick: pixels as they come, from 0 to 16, and a rate that does not suit them."""

import torch
from torch import nn

torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"].view(-1, 1, 8, 8)
images = images / 16 - 0.3  # sick: images / 16 - 0.3 | images * 16
labels = digits["labels"]
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for step in range(120):
    batch = torch.randperm(len(images))[:64]
    with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
        output = model(images[batch])
        loss = criterion(output, labels[batch])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    print(step, loss.item())
