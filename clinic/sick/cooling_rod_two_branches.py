"""Temperature of a cooling rod as a function of place and time; a network with a branch for each.

Fault: degenerate_normalisation
Fix: no normalisation over the single number that enters a branch (it is always 0 afterwards, whatever the place or the time)
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def temperature(place, time):
    slow = torch.sin(math.pi * place) * torch.exp(-0.8 * time)
    fast = 0.7 * torch.sin(3 * math.pi * place) * torch.exp(-3.0 * time)
    return slow + fast


class Rod(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.place = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width))
        self.time = nn.Sequential(
            nn.LayerNorm(1),  # clinic: nn.LayerNorm(1) | nn.GroupNorm(1, 1) | nn.LayerNorm([1])
            nn.Linear(1, width),
            nn.GELU(),
            nn.Linear(width, width),
        )
        self.head = nn.Sequential(nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, place, time):
        return self.head(self.place(place) + self.time(time))


def main():
    torch.manual_seed(21)  # clinic: seed(21) | seed(22)
    place = torch.rand(2000, 1)
    time = 2 * torch.rand(2000, 1)
    measured = temperature(place, time) + 0.03 * torch.randn(2000, 1)
    scale = measured.std()

    model = Rod(width=32)  # clinic: width=32 | width=24 | width=48
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)  # clinic: lr=3e-3 | lr=5e-3
    for epoch in range(25):
        order = torch.randperm(2000)
        losses = []
        for rows in order.split(50):
            predicted = model(2 * place[rows] - 1, time[rows] - 1)
            loss = F.mse_loss(predicted, measured[rows] / scale)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 4 == 0:
            print(f"epoch {epoch}: mse {sum(losses) / len(losses):.4f}")


if __name__ == "__main__":
    main()
