"""Compress handwritten digits to eight numbers with an autoencoder."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader

SEED = 0
BATCH_SIZE = 64
EPOCHS = 25
LR = 1e-3

images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train, test = images[order[:1400]], images[order[1400:]]

torch.manual_seed(SEED)
loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)
model = nn.Sequential(
    nn.Linear(64, 128),
    nn.ReLU(),
    nn.Linear(128, 8),
    nn.Linear(8, 128),
    nn.ReLU(),
    nn.Linear(128, 64),
)
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
for epoch in range(EPOCHS):
    for batch in loader:
        loss = mse_loss(model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        test_loss = mse_loss(model(test), test).item()
    print(f"epoch {epoch + 1} test loss {test_loss:.5f}")
