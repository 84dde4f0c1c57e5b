# Learn features on the digits 0-4, then reuse them for the digits 5-9.
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
np.random.seed(0)


class SmallCNN(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(32 * 2 * 2, n_classes)

    def forward(self, x):
        return self.classifier(self.features(x))


def get_split(digits_wanted):
    digits = load_digits()
    keep = np.isin(digits.target, digits_wanted)
    x = torch.tensor(digits.images[keep] / 16.0, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(digits.target[keep] - min(digits_wanted))
    idx_train, idx_test = train_test_split(np.arange(len(y)), test_size=0.3, random_state=0, stratify=y)
    train = DataLoader(TensorDataset(x[idx_train], y[idx_train]), batch_size=32, shuffle=True)
    test = DataLoader(TensorDataset(x[idx_test], y[idx_test]), batch_size=256)
    return train, test


def run_epoch(model, loader, optimizer, loss_fn):
    model.train()
    total, correct, count = 0.0, 0, 0
    for x, y in loader:
        optimizer.zero_grad()
        out = model(x)
        loss = loss_fn(out, y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        correct += (out.argmax(1) == y).sum().item()
        count += len(y)
    return total / count, correct / count


def accuracy(model, loader):
    model.eval()
    correct = count = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x).argmax(1) == y).sum().item()
            count += len(y)
    return correct / count


loss_fn = nn.CrossEntropyLoss()

# stage 1: source task
source_train, source_test = get_split([0, 1, 2, 3, 4])
model = SmallCNN(n_classes=5)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(10):
    loss, acc = run_epoch(model, source_train, optimizer, loss_fn)
    print(f"source epoch {epoch + 1}  loss {loss:.4f}  train acc {acc:.3f}")
print(f"source test accuracy {accuracy(model, source_test):.3f}")

# stage 2: keep the convolutions as they are, train a new classifier for the target task
target_train, target_test = get_split([5, 6, 7, 8, 9])
for p in model.features.parameters():
    p.requires_grad = False
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=5e-3)
model.classifier = nn.Linear(32 * 2 * 2, 5)
for epoch in range(15):
    loss, acc = run_epoch(model, target_train, optimizer, loss_fn)
    print(f"target epoch {epoch + 1:2d}  loss {loss:.4f}  train acc {acc:.3f}")

print(f"test accuracy: {accuracy(model, target_test):.4f}")
