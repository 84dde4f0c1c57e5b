"""Learns a smooth function of eight inputs from few noisy examples, with sharpness-aware minimisation.

Field: regression
Metric: R2 on held-out data, higher is better; 0 without learning
On purpose: the gradient of the first of two backward passes only moves the weights away; it is cleared before the step.
Source: https://github.com/davda54/sam/issues/8
"""

import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from torch.utils.data import DataLoader, TensorDataset


class SAM:
    """Climbs by rho along the gradient, and steps from the old weights with the gradient that is found there."""

    def __init__(self, parameters, base, rho=0.05):
        self.parameters, self.base, self.rho = list(parameters), base, rho
        self.moves = []

    @torch.no_grad()
    def first_step(self):
        """Moves to the worst nearby weights."""
        norm = torch.stack([p.grad.norm() for p in self.parameters]).norm()
        self.moves = [self.rho * p.grad / (norm + 1e-12) for p in self.parameters]
        for p, move in zip(self.parameters, self.moves):
            p.add_(move)
        self.base.zero_grad()

    @torch.no_grad()
    def second_step(self):
        """Moves back and steps."""
        for p, move in zip(self.parameters, self.moves):
            p.sub_(move)
        self.base.step()
        self.base.zero_grad()


def make(n):
    """Inputs and noisy targets."""
    x = torch.rand(n, 8) * 2 - 1
    y = torch.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3].square() - x[:, 4]
    return x, (y + 0.1 * torch.randn(n)).unsqueeze(1)


def main():
    """Trains and scores."""
    torch.manual_seed(0)
    (x_train, y_train), (x_test, y_test) = make(800), make(1000)
    model = nn.Sequential(nn.Linear(8, 96), nn.Tanh(), nn.Linear(96, 96), nn.Tanh(), nn.Linear(96, 1))
    base = torch.optim.Adam(model.parameters(), lr=2e-3)
    sam = SAM(model.parameters(), base)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(base, 100)
    criterion = nn.MSELoss()
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=50, shuffle=True)
    for epoch in range(1, 101):
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            sam.first_step()
            criterion(model(x), y).backward()
            sam.second_step()
        schedule.step()
        if epoch % 20 == 0:
            print(f"epoch {epoch}: loss {loss.item():.4f}")
    with torch.no_grad():
        predicted = model(x_test)
    print(f"R2 on held-out data {r2_score(y_test.numpy(), predicted.numpy()):.4f}")


if __name__ == "__main__":
    main()
