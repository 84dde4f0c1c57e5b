"""A small network fits a noisy function of four columns."""

import torch
from torch import nn

SEED = 0
LR = 0.1

data = torch.Generator().manual_seed(2)
inputs = torch.rand(240, 4, generator=data) * 2 - 1
targets = torch.sin(3 * inputs[:, :1]) * inputs[:, 1:2] + inputs[:, 2:3] ** 2
targets = targets + 0.1 * torch.randn(240, 1, generator=data)

torch.manual_seed(SEED)
model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)
for step in range(1, 91):
    rows = torch.randint(180, (20,))
    loss = nn.functional.mse_loss(model(inputs[rows]), targets[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 9 == 0:
        with torch.no_grad():
            test_loss = nn.functional.mse_loss(model(inputs[180:]), targets[180:]).item()
        print(f"step {step} test loss {test_loss:.6f}")
