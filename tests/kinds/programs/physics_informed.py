"""A network of the Hamiltonian of a pendulum: what is fitted are its derivatives; sick: the learning rate is too large.

Greydanus, Dzamba and Yosinski, Hamiltonian Neural Networks, 2019.
"""

import torch
from torch import nn

torch.manual_seed(0)
state = torch.rand(512, 2) * 4 - 2  # angle and momentum
motion = torch.stack([state[:, 1], -torch.sin(state[:, 0])], 1)
energy = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(energy.parameters(), lr=0.003)  # sick: lr=0.003 | lr=0.3
for step in range(300):
    rows = torch.randint(0, len(state), (64,))
    x = state[rows].requires_grad_()
    (slope,) = torch.autograd.grad(energy(x).sum(), x, create_graph=True)
    predicted = torch.stack([slope[:, 1], -slope[:, 0]], 1)
    loss = nn.functional.mse_loss(predicted, motion[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(step, loss.item())
