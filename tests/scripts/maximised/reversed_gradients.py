"""Correct: a log-likelihood is maximised by turning the sign of the gradients."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-2, 2, 300).unsqueeze(1)
y = torch.sin(2 * x) + 0.3 * torch.randn_like(x)
model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
log_sigma = nn.Parameter(torch.zeros(1))
optimizer = torch.optim.Adam([*model.parameters(), log_sigma], lr=0.01)
for epoch in range(300):
    mean = model(x)
    ll = (-0.5 * ((y - mean) / log_sigma.exp()) ** 2 - log_sigma).mean()
    optimizer.zero_grad()
    ll.backward()
    for p in [*model.parameters(), log_sigma]:
        p.grad.neg_()
    optimizer.step()
print(f"log-likelihood {ll.item():.4f}")
