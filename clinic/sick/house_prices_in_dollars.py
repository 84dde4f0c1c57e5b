"""House prices from area, rooms, age and distance to the centre.

Fault: targets_not_scaled
Fix: standardise the prices for training: y = (price - price.mean()) / price.std() (and undo it for predictions)
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

np.random.seed(2)
torch.manual_seed(2)


def generate_houses(n):
    area = np.random.gamma(6, 25, n)
    rooms = np.clip(np.round(area / 30 + np.random.randn(n)), 1, None)
    age = np.random.uniform(0, 80, n)
    distance = np.random.exponential(8, n)
    price = 60000 + 1900 * area * np.exp(-distance / 30) + 9000 * rooms - 700 * age
    price = price * np.exp(0.05 * np.random.randn(n))
    return np.c_[area, rooms, age, distance], price


X, price = generate_houses(2000)
X = StandardScaler().fit_transform(X)
y = price
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).view(-1, 1)
X_train, y_train, X_val, y_val = X[:1600], y[:1600], X[1600:], y[1600:]

model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))  # clinic: nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64) | nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)  # clinic: lr=1e-3 | lr=3e-3
loss_fn = nn.MSELoss()

batch_size = 64  # clinic: 64 | 48
for epoch in range(16):
    model.train()
    for i in range(0, len(X_train), batch_size):
        if i == 0:
            perm = torch.randperm(len(X_train))
        rows = perm[i : i + batch_size]
        optimizer.zero_grad()
        loss = loss_fn(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_pred = model(X_val)
        val_loss = loss_fn(val_pred, y_val).item()
    if (epoch + 1) % 4 == 0:
        print(f"epoch {epoch + 1}: val loss {val_loss:.4g}, val R2 {r2_score(y_val.numpy(), val_pred.numpy()):.3f}")
