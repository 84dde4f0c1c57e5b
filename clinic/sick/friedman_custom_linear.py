"""Friedman regression with a hand-written linear layer.

Fault: incorrect_gradients
Fix: the gradient of the weight is grad_output.T @ x
"""

import math

import torch
from sklearn.datasets import make_friedman1
from torch import nn


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.T + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = grad_output @ weight
        grad_weight = x.T @ grad_output
        return grad_x, grad_weight, grad_output.sum(dim=0)


class Dense(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n, n) / math.sqrt(n))
        self.bias = nn.Parameter(torch.zeros(n))

    def forward(self, x):
        return LinearFunction.apply(x, self.weight, self.bias)


torch.manual_seed(27)
x, y = make_friedman1(n_samples=1000, n_features=8, noise=0.3, random_state=27)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(Dense(8), nn.Tanh(), Dense(8), nn.Tanh(), Dense(8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)  # clinic: lr=0.05 | lr=0.03 | lr=0.07
criterion = nn.MSELoss()
for epoch in range(20):
    for idx in torch.randperm(1000).split(50):  # clinic: split(50) | split(40) | split(64)
        optimizer.zero_grad()
        loss = criterion(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
    if (epoch + 1) % 4 == 0:
        with torch.no_grad():
            print(f"epoch {epoch + 1}: mse {criterion(model(x), y).item():.4f}")
