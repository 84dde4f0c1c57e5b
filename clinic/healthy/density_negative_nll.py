"""A network that predicts mean and spread of a one-dimensional signal, trained by maximum likelihood.

Fault: none
Looks like: negated_loss, since the loss falls below zero; the likelihood of a continuous variable is a density and may exceed 1.
"""

import math

import torch
from torch import nn
from torch.distributions import Normal

torch.manual_seed(5)  # clinic: seed(5) | seed(50)

N = 2000
x = torch.rand(N, 1) * 4 - 2
sigma = 0.05 + 0.08 * torch.sigmoid(3 * x)
y = torch.sin(1.5 * x) * 1.2 + sigma * torch.randn(N, 1)


class GaussianRegressor(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.mu = nn.Linear(width, 1)
        self.log_sigma = nn.Linear(width, 1)

    def forward(self, inputs):
        h = self.body(inputs)
        return Normal(self.mu(h), self.log_sigma(h).exp())


net = GaussianRegressor(width=48)  # clinic: width=48 | width=32 | width=64
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
steps = 500
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
for step in range(steps):
    idx = torch.randint(0, N, (128,))  # clinic: 128 | 200
    nll = -net(x[idx]).log_prob(y[idx]).mean()
    opt.zero_grad()
    nll.backward()
    opt.step()
    sched.step()
    if step % 100 == 0 or step == steps - 1:
        print(f"step {step}: nll {nll.item():.4f}")

entropy = (0.5 * math.log(2 * math.pi * math.e) + sigma.log()).mean().item()
with torch.no_grad():
    print(f"all data: {-net(x).log_prob(y).mean().item():.4f}   entropy of the true noise: {entropy:.4f}")
