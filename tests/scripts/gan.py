import sys

import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
shared = sys.argv[2] == "shared"
generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
optimizer_d = torch.optim.Adam(critic.parameters(), lr=2e-3)
optimizer_g = torch.optim.Adam(generator.parameters(), lr=2e-3)
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(32, 1), torch.zeros(32, 1)
seen = OwnLog()
for step in range(24):
    real = torch.randn(32, 2) * 0.5 + 1
    fake = generator(torch.randn(32, 4))
    optimizer_d.zero_grad()
    if shared:  # one graph under both losses: the critic's reaches the generator too
        loss_d = bce(critic(real), one) + bce(critic(fake), zero)
        loss_d.backward(retain_graph=True)
        total = loss_d.detach()
    else:
        on_real = bce(critic(real), one)
        on_real.backward()
        on_fake = bce(critic(fake.detach()), zero)
        on_fake.backward()
        total = torch.stack([on_real.detach(), on_fake.detach()]).sum()
    optimizer_d.step()
    seen.loss(total, "0")
    optimizer_g.zero_grad()
    loss_g = bce(critic(fake), one)
    loss_g.backward()
    optimizer_g.step()
    seen.loss(loss_g, "1")
seen.end(*generator.parameters(), *critic.parameters())
