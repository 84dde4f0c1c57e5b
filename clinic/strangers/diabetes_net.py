import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(42)

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

sx = StandardScaler().fit(X_train)
X_train = torch.tensor(sx.transform(X_train), dtype=torch.float32)
X_test = torch.tensor(sx.transform(X_test), dtype=torch.float32)

mu, sd = y_train.mean(), y_train.std()
y_train = torch.tensor((y_train - mu) / sd, dtype=torch.float32)
y_test = torch.tensor((y_test - mu) / sd, dtype=torch.float32)

model = nn.Sequential(
    nn.Linear(10, 32),
    nn.ReLU(),
    nn.Linear(32, 16),
    nn.ReLU(),
    nn.Linear(16, 1),
)

optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
n = len(X_train)
bs = 32

for epoch in range(60):
    perm = torch.randperm(n)
    losses = []
    for i in range(0, n, bs):
        idx = perm[i:i + bs]
        xb, yb = X_train[idx], y_train[idx]
        pred = model(xb)
        loss = ((pred - yb) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        print("epoch", epoch + 1, "mse", round(float(np.mean(losses)), 4))

model.eval()
with torch.no_grad():
    p = model(X_test).numpy().ravel()
t = y_test.numpy()
r2 = 1 - ((t - p) ** 2).sum() / ((t - t.mean()) ** 2).sum()
print("test R2 = %.3f" % r2)
print("std of predictions = %.3f" % p.std())
