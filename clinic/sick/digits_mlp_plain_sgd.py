"""Recognise handwritten digits with a fully connected network.

Fault: instability
Fix: lower the learning rate (to about 0.2)
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0, stratify=y)
scaler = StandardScaler().fit(X_train)
X_train = torch.tensor(scaler.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(y_train)
y_test = torch.tensor(y_test)

train_set = TensorDataset(X_train, y_train)
loader = DataLoader(train_set, batch_size=64, shuffle=True)  # clinic: batch_size=64 | batch_size=48 | batch_size=40

hidden = 64  # clinic: 64 | 100 | 150
net = nn.Sequential(
    nn.Linear(64, hidden),
    nn.Tanh(),
    nn.Linear(hidden, hidden),
    nn.Tanh(),
    nn.Linear(hidden, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=8.0)  # clinic: lr=8.0 | lr=6.5 | lr=12.0

for epoch in range(15):
    total, correct = 0.0, 0
    for xb, yb in loader:
        optimizer.zero_grad()
        out = net(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
        correct += (out.argmax(1) == yb).sum().item()
    print(f"epoch {epoch + 1:2d}  loss {total / len(X_train):.4f}  acc {correct / len(X_train):.3f}")

with torch.no_grad():
    logits = net(X_test)
    print(f"test loss {criterion(logits, y_test):.4f}  test acc {(logits.argmax(1) == y_test).float().mean():.3f}")
