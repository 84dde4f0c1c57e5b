"""Breast cancer: a two-class classifier with LogSoftmax as its last layer and NLLLoss.

Fault: none
Looks like: output_loss_mismatch or negated_loss (the loss takes minus the output); LogSoftmax and NLLLoss belong together.
Metric: val, lower is better; 0.6884 without learning
"""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # clinic: seed(0) | seed(9)

X, y = load_breast_cancer(return_X_y=True)
X = X[:, :10]
x_train, x_val, y_train, y_val = train_test_split(X, y, test_size=0.2, stratify=y, random_state=1)
scaler = StandardScaler().fit(x_train)


def tensors(x, t):
    return TensorDataset(torch.tensor(scaler.transform(x), dtype=torch.float32), torch.tensor(t))


train_dl = DataLoader(tensors(x_train, y_train), batch_size=32, shuffle=True)  # clinic: batch_size=32 | batch_size=24
val_dl = DataLoader(tensors(x_val, y_val), batch_size=128)

model = nn.Sequential(
    nn.Linear(10, 16),
    nn.Tanh(),  # clinic: nn.Tanh() | nn.ReLU()
    nn.Linear(16, 2),
    nn.LogSoftmax(dim=1),
)
loss_fn = nn.NLLLoss()
optimizer = optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-3)

for epoch in range(15):
    model.train()
    train_loss = 0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(xb)
    model.eval()
    with torch.no_grad():
        val_loss = sum(loss_fn(model(xb), yb).item() * len(xb) for xb, yb in val_dl)
    if epoch % 3 == 2:
        print(f"{epoch + 1:3d} | train {train_loss / len(x_train):.4f} | val {val_loss / len(x_val):.4f}")
