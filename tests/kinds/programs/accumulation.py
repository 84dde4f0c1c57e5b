"""Digits, gradients accumulated over four batches; sick: the sum of sixty-four losses is not divided."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
accumulated = 4
digits = load_digits()
data = TensorDataset(torch.tensor(digits.data).float() / 16 - 0.3, torch.tensor(digits.target))
loader = DataLoader(data, batch_size=16, shuffle=True)
model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)  # sick: lr=0.3 | lr=30.0
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    for i, (images, labels) in enumerate(loader):
        loss = criterion(model(images), labels) / accumulated
        loss.backward()
        print(epoch, loss.item())
        if (i + 1) % accumulated == 0:
            optimizer.step()
            optimizer.zero_grad()
