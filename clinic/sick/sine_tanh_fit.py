"""Fit a noisy wave with a tanh network.

Fault: saturated_units or bad_initialisation
Fix: initialise with std = 1 / sqrt(fan_in)
"""

import math

import torch
from torch import nn

torch.manual_seed(8)

N = 400
t = torch.rand(N, 1) * 2 - 1
signal = torch.sin(math.pi * t) + 0.5 * torch.cos(2 * math.pi * t)
signal = signal + 0.02 * torch.randn(N, 1)

width = 40  # clinic: 40 | 25 | 60
model = nn.Sequential()
dims = [1, width, width, width, 1]
for k in range(len(dims) - 1):
    linear = nn.Linear(dims[k], dims[k + 1])
    linear.weight.data.normal_(0, 4)  # clinic: normal_(0, 4) | normal_(0, 3) | normal_(0, 6)
    linear.bias.data.zero_()
    model.add_module(f"linear{k}", linear)
    if k < len(dims) - 2:
        model.add_module(f"act{k}", nn.Tanh())

opt = torch.optim.Adam(model.parameters(), lr=3e-3)  # clinic: lr=3e-3 | lr=2e-3 | lr=5e-3
loss_fn = nn.MSELoss()
for epoch in range(50):
    for idx in torch.randperm(N).split(40):
        loss = loss_fn(model(t[idx]), signal[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            print(f"epoch {epoch + 1} mse {loss_fn(model(t), signal).item():.5f}")
