"""Regression on the Friedman function.

Fault: slow_progress
Fix: raise the learning rate (to about 0.05) and use momentum
"""

import numpy as np
import torch
from sklearn.datasets import make_friedman1

np.random.seed(5)
torch.manual_seed(5)

X, y = make_friedman1(n_samples=800, n_features=6, noise=0.5, random_state=5)
X = (X - X.mean(0)) / X.std(0)
y = (y - y.mean()) / y.std()
X = torch.from_numpy(X.astype(np.float32))
y = torch.from_numpy(y.astype(np.float32))[:, None]

W = 50  # clinic: 50 | 30 | 90
B = 40  # clinic: 40 | 32 | 50
act = torch.nn.Tanh()  # clinic: Tanh() | GELU()
mlp = torch.nn.Sequential(torch.nn.Linear(6, W), act, torch.nn.Linear(W, 1))
mse = torch.nn.MSELoss()
sgd = torch.optim.SGD(mlp.parameters(), lr=1e-4)  # clinic: lr=1e-4 | lr=4e-5 | lr=2e-4

step = 0
for epoch in range(25):
    order = np.random.permutation(len(X))
    X, y = X[order], y[order]
    for k in range(0, len(X), B):
        e = mse(mlp(X[k : k + B]), y[k : k + B])
        sgd.zero_grad()
        e.backward()
        sgd.step()
        step += 1
        if step % 100 == 0:
            print("step", step, "mse", round(e.item(), 4))

with torch.no_grad():
    print("mse on all data:", mse(mlp(X), y).item())
