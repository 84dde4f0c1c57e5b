"""Digits, gradients accumulated over four batches; sick: never cleared between two steps."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
accumulated = 4
digits = torch.load("digits.pt")
data = TensorDataset(digits["images"] / 16 - 0.3, digits["labels"])
loader = DataLoader(data, batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    for i, (images, labels) in enumerate(loader):
        loss = criterion(model(images), labels) / accumulated
        loss.backward()
        print(epoch, loss.item())
        if (i + 1) % accumulated == 0:
            optimizer.step()
            optimizer.zero_grad()  # sick: optimizer.zero_grad() | continue
