"""Diabetes, L-BFGS with a closure; sick: the closure does not clear the gradients."""

import torch
from torch import nn

torch.manual_seed(0)
data = torch.load("diabetes.pt")
features = data["features"] * 20
targets = data["targets"].unsqueeze(1)
targets = (targets - targets.mean()) / targets.std()
model = nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=8)


def closure():
    optimizer.zero_grad()  # sick: optimizer.zero_grad() | pass
    loss = criterion(model(features), targets)
    loss.backward()
    return loss


for step in range(30):
    print(step, optimizer.step(closure).item())
