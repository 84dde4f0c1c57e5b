"""Faulty: a negative log-likelihood, written out by hand, is maximised."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-2, 2, 300).unsqueeze(1)
y = torch.sin(2 * x) + 0.3 * torch.randn_like(x)
model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
log_sigma = nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([*model.parameters(), log_sigma], lr=0.001, maximize=True)
for epoch in range(300):
    mean = model(x)
    ll = (-0.5 * ((y - mean) / log_sigma.exp()) ** 2 - log_sigma).mean()
    optimizer.zero_grad()
    (-ll).backward()
    optimizer.step()
print(f"log-likelihood {ll.item():.4f}")
