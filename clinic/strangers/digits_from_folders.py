"""Mimics an image-folder layout: one folder per class, read one after the other."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset
from sklearn.datasets import load_digits


def read_folder(images, targets, label, train):
    sel = images[targets == label]
    cut = int(len(sel) * 0.8)
    sel = sel[:cut] if train else sel[cut:]
    x = torch.tensor(sel / 16.0, dtype=torch.float32).reshape(len(sel), -1)
    return TensorDataset(x, torch.full((len(sel),), label))


d = load_digits()
train_set = ConcatDataset([read_folder(d.images, d.target, k, True) for k in range(10)])
test_set = ConcatDataset([read_folder(d.images, d.target, k, False) for k in range(10)])
train_loader = DataLoader(train_set, batch_size=20)
test_loader = DataLoader(test_set, batch_size=100)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


torch.manual_seed(2)
model = MLP()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(15):
    model.train()
    loss_sum, correct = 0.0, 0
    for x, y in train_loader:
        optimizer.zero_grad()
        out = model(x)
        loss = F.cross_entropy(out, y)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(y)
        correct += (out.argmax(1) == y).sum().item()
    model.eval()
    with torch.no_grad():
        test_ok = sum((model(x).argmax(1) == y).sum().item() for x, y in test_loader)
    n = len(train_set)
    print(f"epoch {epoch + 1:2d}  train loss {loss_sum / n:.3f}  train acc {correct / n:.3f}  test acc {test_ok / len(test_set):.3f}")
