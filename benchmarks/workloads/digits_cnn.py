"""Recognise handwritten digits with a convolutional network."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

SEED = 0
BATCH_SIZE = 32
EPOCHS = 8
LR = 0.05

digits = load_digits()
images = torch.tensor(digits.images / 8 - 1, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train, test = order[:1400], order[1400:]

torch.manual_seed(SEED)
loader = DataLoader(TensorDataset(images[train], labels[train]), batch_size=BATCH_SIZE, shuffle=True)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)
for epoch in range(EPOCHS):
    model.train()
    for inputs, targets in loader:
        loss = cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        outputs = model(images[test])
        test_loss = cross_entropy(outputs, labels[test]).item()
        accuracy = (outputs.argmax(1) == labels[test]).float().mean().item()
    print(f"epoch {epoch + 1} test loss {test_loss:.4f} test accuracy {accuracy:.4f}")
