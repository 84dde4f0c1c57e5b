"""Digits from one data set per label.

Fault: unshuffled_data
Fix: shuffle=True
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()


def read_class(label):
    images = torch.tensor(digits.images[digits.target == label], dtype=torch.float32) / 8 - 1
    return TensorDataset(images, torch.full((len(images),), label))


dataset = ConcatDataset([read_class(label) for label in range(10)])
train_loader = DataLoader(dataset, batch_size=45, shuffle=False)  # clinic: =45 | =30 | =60
full_loader = DataLoader(dataset, batch_size=len(dataset))

model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))  # clinic: nn.ReLU() | nn.Tanh()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # clinic: lr=0.1 | lr=0.15 | lr=0.2

for epoch in range(1, 11):
    running = 0.0
    for images, labels in train_loader:
        loss = loss_fn(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    with torch.no_grad():
        images, labels = next(iter(full_loader))
        logits = model(images)
        accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
        print(
            f"epoch {epoch}: running {running / len(train_loader):.4f}, "
            f"all digits {loss_fn(logits, labels).item():.4f}, accuracy {accuracy:.3f}"
        )
