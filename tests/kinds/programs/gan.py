"""A generator and a critic on points of a ring; sick: the critic's learning rate is far too large."""

import math

import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
optimizer_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizer_d = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))  # sick: lr=1e-3 | lr=2.0
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(64, 1), torch.zeros(64, 1)
for step in range(200):
    angle = torch.rand(64, 1) * 2 * math.pi
    real = torch.cat([angle.cos(), angle.sin()], dim=1)
    fake = generator(torch.randn(64, 4))

    optimizer_d.zero_grad()
    loss_d = bce(critic(real), one) + bce(critic(fake.detach()), zero)
    loss_d.backward()
    optimizer_d.step()

    optimizer_g.zero_grad()
    loss_g = bce(critic(fake), one)
    loss_g.backward()
    optimizer_g.step()
    print(step, loss_d.item(), loss_g.item())
