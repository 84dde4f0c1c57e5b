"""Recognise handwritten digits with a two-layer network.

Fault: no_zero_grad
Fix: call optimizer.zero_grad() in every step, before loss.backward()
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # clinic: 0 | 5

digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=1)

loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True)  # clinic: batch_size=32 | batch_size=64

model = nn.Sequential(
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)  # clinic: lr=0.2 | lr=0.1, momentum=0.5

for epoch in range(10):
    running = 0.0
    for images, labels in loader:
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"Epoch {epoch + 1}: loss {running / len(loader):.4f}")

with torch.no_grad():
    predicted = model(X_test).argmax(dim=1)
    print(f"Test accuracy: {(predicted == y_test).float().mean().item():.3f}")
