import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

torch.manual_seed(3)
np.random.seed(3)

data = load_diabetes()
X = StandardScaler().fit_transform(data.data).astype(np.float32)
y = data.target.astype(np.float32)
y = (y - y.mean()) / y.std()

n_train = 360
idx = np.random.permutation(len(X))
tr, te = idx[:n_train], idx[n_train:]
X_train, y_train = torch.from_numpy(X[tr]), torch.from_numpy(y[tr])
X_test, y_test = torch.from_numpy(X[te]), torch.from_numpy(y[te])

net = nn.Sequential(
    nn.Linear(10, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

batch = 40
for epoch in range(120):
    order = torch.randperm(n_train)
    running = 0.0
    for i in range(0, n_train, batch):
        b = order[i:i + batch]
        out = net(X_train[b])
        loss = torch.mean((out - y_train[b]) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    if epoch % 10 == 0:
        print(f"epoch {epoch:3d}  loss {running / (n_train // batch):.4f}")

with torch.no_grad():
    pred = net(X_test).flatten()
    ss_res = ((y_test - pred) ** 2).sum()
    ss_tot = ((y_test - y_test.mean()) ** 2).sum()
    print("std of predictions:", pred.std().item())
    print("test R2:", (1 - ss_res / ss_tot).item())
