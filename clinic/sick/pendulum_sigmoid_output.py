"""Predict the acceleration of a driven pendulum from its state.

Fault: output_loss_mismatch
Fix: leave the output linear (drop the sigmoid): the targets run from about -3 to 3
"""

import math

import torch
from torch import nn


def simulate(n, seed):
    g = torch.Generator().manual_seed(seed)
    angle = (torch.rand(n, generator=g) * 2 - 1) * math.pi
    speed = torch.randn(n, generator=g) * 2
    drive = torch.rand(n, generator=g) * 2 - 1
    accel = -9.81 * torch.sin(angle) - 0.4 * speed + 3.0 * drive
    state = torch.stack([angle / 1.8, speed / 2, drive / 0.58], dim=1)
    return state, ((accel - accel.mean()) / accel.std()).unsqueeze(1)


class PendulumNet(nn.Module):
    def __init__(self, hidden=(48, 48)):  # clinic: (48, 48) | (32, 64) | (64, 24)
        super().__init__()
        self.inp = nn.Linear(3, hidden[0])
        self.mid = nn.Linear(hidden[0], hidden[1])
        self.outp = nn.Linear(hidden[1], 1)
        self.act = nn.ReLU()  # clinic: nn.ReLU() | nn.SiLU()

    def forward(self, state):
        z = self.act(self.inp(state))
        z = self.act(self.mid(z))
        return torch.sigmoid(self.outp(z))


def main():
    torch.manual_seed(55)
    state, accel = simulate(2000, seed=1)
    test_state, test_accel = simulate(500, seed=2)
    net = PendulumNet()
    optimiser = torch.optim.Adam(net.parameters(), lr=4e-3)  # clinic: lr=4e-3 | lr=2e-3
    criterion = nn.MSELoss()
    batch_size, step = 50, 0
    while step < 400:
        for rows in torch.randperm(len(state)).split(batch_size):
            optimiser.zero_grad()
            loss = criterion(net(state[rows]), accel[rows])
            loss.backward()
            optimiser.step()
            step += 1
        with torch.no_grad():
            print(
                f"step {step}: train {criterion(net(state), accel).item():.4f} test {criterion(net(test_state), test_accel).item():.4f}"
            )


if __name__ == "__main__":
    main()
