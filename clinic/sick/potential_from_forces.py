"""A potential energy surface fitted to measured forces, and to the energies of a few reference places.

Fault: frozen_or_detached
Fix: torch.autograd.grad(..., create_graph=True), so that the force term reaches the weights
"""

import torch
from torch import nn


def true_energy(x):
    return 0.5 * (x[:, 0] ** 2 - 1) ** 2 + 0.6 * x[:, 1] ** 2 + 0.5 * x[:, 0] * x[:, 1]


def true_force(x):
    x = x.clone().requires_grad_()
    return -torch.autograd.grad(true_energy(x).sum(), x)[0]


class Potential(nn.Module):
    def __init__(self, width=48):  # clinic: width=48 | width=32 | width=64
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, x):
        return self.layers(x).squeeze(1)

    def force(self, x):
        x = x.clone().requires_grad_()
        energy = self(x)
        return -torch.autograd.grad(energy.sum(), x)[0]  # clinic: torch.autograd.grad(energy.sum(), x)[0] | torch.autograd.grad(energy, x, torch.ones_like(energy), retain_graph=True)[0]


def main():
    torch.manual_seed(12)  # clinic: seed(12) | seed(13)
    places = 3 * torch.rand(900, 2) - 1.5
    forces = true_force(places) + 0.1 * torch.randn(900, 2)
    reference = 3 * torch.rand(6, 2) - 1.5
    energies = true_energy(reference)

    model = Potential()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)  # clinic: lr=5e-3 | lr=3e-3
    for step in range(600):
        rows = torch.randint(900, (60,))
        force_loss = ((model.force(places[rows]) - forces[rows]) ** 2).mean()
        energy_loss = ((model(reference) - energies) ** 2).mean()
        loss = force_loss + energy_loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 60 == 0:
            print(f"step {step + 1}: forces {force_loss.item():.4f} energies {energy_loss.item():.5f}")


main()
