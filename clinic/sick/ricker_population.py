"""Estimate growth rate and capacity of the Ricker population model by differentiating through the simulation.

Fault: cliff or exploding_gradients
Fix: clip the gradient norm (to about 0.1)
"""

import torch
from torch import nn


class Ricker(nn.Module):
    def __init__(self, growth, capacity):
        super().__init__()
        self.growth = nn.Parameter(torch.tensor(growth))
        self.capacity = nn.Parameter(torch.tensor(capacity))

    def forward(self, population, seasons):
        trajectory = []
        for _ in range(seasons):
            population = population * torch.exp(self.growth * (1 - population / self.capacity))
            trajectory.append(population)
        return torch.stack(trajectory, dim=1)


def observe(seasons, colonies):
    start = torch.rand(colonies) * 0.3 + 0.05
    with torch.no_grad():
        counts = Ricker(2.2, 1.2)(start, seasons)
    return start, counts + 0.02 * torch.randn_like(counts)


def main():
    torch.manual_seed(0)
    seasons = 40  # clinic: 40 | 45 | 50
    start, counts = observe(seasons, colonies=16)
    model = Ricker(growth=1.0, capacity=0.8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)  # clinic: lr=0.3 | lr=0.27
    for it in range(1, 241):
        optimizer.zero_grad()
        loss = torch.mean((model(start, seasons) - counts) ** 2)
        loss.backward()
        optimizer.step()
        if it % 20 == 0:
            print(
                f"{it:4d} loss {loss.item():.4f} growth {model.growth.item():.3f} capacity {model.capacity.item():.3f}"
            )


if __name__ == "__main__":
    main()
