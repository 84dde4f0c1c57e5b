"""Regression on the Friedman #1 function with a deep tanh network.

Fault: parameters_not_in_optimizer
Fix: keep the hidden layers in nn.ModuleList instead of a Python list
"""
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)


class DeepRegressor(nn.Module):
    def __init__(self, sizes, act=torch.tanh):
        super().__init__()
        self.act = act
        self.layers = []
        for n_in, n_out in zip(sizes[:-2], sizes[1:-1]):
            self.layers.append(nn.Linear(n_in, n_out))
        self.out = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer(x))
        return self.out(x).squeeze(-1)


X, y = make_friedman1(n_samples=1200, n_features=10, noise=0.3, random_state=0)
X = torch.tensor((X - 0.5) / 0.29).float()
y = torch.tensor((y - y.mean()) / y.std()).float()
train_ds = TensorDataset(X[:1000], y[:1000])
X_test, y_test = X[1000:], y[1000:]

net = DeepRegressor([10, 32, 32, 1])  # clinic: [10, 32, 32, 1] | [10, 20, 20, 20, 1] | [10, 64, 32, 1]
opt = torch.optim.Adam(net.parameters(), lr=5e-3)  # clinic: Adam(net.parameters(), lr=5e-3) | SGD(net.parameters(), lr=0.1, momentum=0.9)
mse = nn.MSELoss()

for epoch in range(30):
    for xb, yb in DataLoader(train_ds, batch_size=50, shuffle=True):
        opt.zero_grad()
        loss = mse(net(xb), yb)
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            train_mse = mse(net(X[:1000]), y[:1000]).item()
            test_mse = mse(net(X_test), y_test).item()
        print("epoch", epoch + 1, "train mse %.4f" % train_mse, "test mse %.4f" % test_mse)
