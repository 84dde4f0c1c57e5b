"""Digits with a small CNN; four micro-batches are added up before each update.

Fault: none
Looks like: no_zero_grad, since most backward passes start with gradients in place; it is deliberate accumulation, divided by the number of micro-batches and cleared after each update.
Metric: test accuracy, higher is better; 0.0834 without learning
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # clinic: seed(0) | seed(1) | seed(5)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 8.0 - 1.0, dtype=torch.float32).view(-1, 1, 8, 8)
y = torch.tensor(y)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.25, random_state=0)
loader = DataLoader(TensorDataset(Xtr, ytr), batch_size=16, shuffle=True, drop_last=True)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),  # clinic: nn.ReLU() | nn.GELU() | nn.LeakyReLU(0.1)
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.2),
    nn.Linear(32 * 16, 10),
)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)  # clinic: lr=0.05 | lr=0.06
accum_steps = 4  # clinic: 4 | 2 | 3

for epoch in range(12):
    running = 0.0
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader, start=1):
        loss = criterion(model(xb), yb) / accum_steps
        loss.backward()
        running += loss.item() * accum_steps
        if i % accum_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1:2d}  train loss {running / len(loader):.4f}")

model.eval()
with torch.no_grad():
    acc = (model(Xte).argmax(1) == yte).float().mean()
print(f"test accuracy {acc:.3f}")
