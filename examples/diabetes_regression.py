"""Progression of diabetes after one year, from ten measurements at the start."""

import math
import sys

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import MinMaxScaler
from torch import nn


def get_data(n_train=352):
    features, target = load_diabetes(return_X_y=True, scaled=False)
    order = torch.randperm(len(target), generator=torch.Generator().manual_seed(7))
    x = torch.as_tensor(MinMaxScaler().fit_transform(features), dtype=torch.float32)[order]
    y = torch.as_tensor(target, dtype=torch.float32)[order].unsqueeze(1)
    y = (y - y[:n_train].mean()) / y[:n_train].std()
    return (x[:n_train], y[:n_train]), (x[n_train:], y[n_train:])


class Regressor(nn.Module):
    def __init__(self, widths=(10, 128, 64, 1)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self):
        for layer in self.layers:
            bound = math.sqrt(6 / layer.in_features)
            layer.weight.copy_(torch.rand_like(layer.weight) * bound - bound)
            layer.bias.zero_()

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


def r_squared(prediction, target):
    residual = (target - prediction).square().sum()
    return (1 - residual / (target - target.mean()).square().sum()).item()


def fit(model, x, y, epochs=25, batch=32):
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(batch):
            loss = F.mse_loss(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        if epoch % 5 == 0:
            print(f"{epoch:3d}: mse {loss.item():.3f}")


def main():
    seed = int(sys.argv[-1]) if len(sys.argv) > 1 else 0
    torch.manual_seed(seed)
    (x, y), (x_test, y_test) = get_data()
    model = Regressor()
    fit(model, x, y)
    model.eval()
    with torch.no_grad():
        for name, x, y in ("train", x, y), ("test", x_test, y_test):
            prediction = model(x)
            print(f"{name}: mse {F.mse_loss(prediction, y).item():.4f}, R2 {r_squared(prediction, y):.3f}")


main()
