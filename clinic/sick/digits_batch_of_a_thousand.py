"""Handwritten digits with a small network; the batch size was raised to "use the hardware better".

Fault: batch_size or stopped_too_early or slow_progress
Fix: smaller batches (about 32): ten passes are only twenty steps
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
BATCH_SIZE = 1024  # clinic: 1024 | 700 | 512
HIDDEN = 48  # clinic: 48 | 64 | 40
EPOCHS = 10  # clinic: 10 | 12 | 8

digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16.0
labels = torch.tensor(digits.target)
train = TensorDataset(images[:1500], labels[:1500])
test_images, test_labels = images[1500:], labels[1500:]
loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)

model = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(EPOCHS):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    print(f"epoch {epoch + 1}: loss {total / len(train):.3f}")

with torch.no_grad():
    accuracy = (model(test_images).argmax(1) == test_labels).float().mean()
print(f"test accuracy {accuracy:.3f}")
