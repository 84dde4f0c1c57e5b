"""A GAN whose generator step freezes the critic, as Lightning's toggled optimizers do: no gradient tells of it."""

import torch
from torch import nn

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-3)
optimizer_d = torch.optim.Adam(critic.parameters(), lr=2e-3)
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(32, 1), torch.zeros(32, 1)
for step in range(24):
    critic.requires_grad_(False)
    loss_g = bce(critic(generator(torch.randn(32, 4))), one)
    loss_g.backward()
    optimizer_g.step()
    optimizer_g.zero_grad()
    critic.requires_grad_(True)
    fake = generator(torch.randn(32, 4)).detach()
    loss_d = bce(critic(torch.randn(32, 2) + 1), one) + bce(critic(fake), zero)
    loss_d.backward()
    optimizer_d.step()
    optimizer_d.zero_grad()
