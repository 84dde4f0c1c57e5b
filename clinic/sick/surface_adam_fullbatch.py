"""Fit a surface z(u, v) with a small network, eighty passes over the table.

Fault: batch_size or stopped_too_early
Fix: mini-batches (of about 50 rows) instead of the whole table at once
"""

import torch

torch.manual_seed(0)
ROWS = 1000  # clinic: 1000 | 1400 | 800
table = torch.rand(ROWS, 2) * 2 - 1
z = torch.sin(8 * table[:, 0]) * torch.cos(6 * table[:, 1]) + table[:, 0] * table[:, 1]

BATCH = ROWS
WIDTH = 64  # clinic: 64 | 48 | 96
PASSES = 80

net = torch.nn.Sequential(
    torch.nn.Linear(2, WIDTH),
    torch.nn.ReLU(),
    torch.nn.Linear(WIDTH, WIDTH),
    torch.nn.ReLU(),
    torch.nn.Linear(WIDTH, 1),
    torch.nn.Flatten(0),
)
opt = torch.optim.Adam(net.parameters(), lr=0.008)  # clinic: lr=0.008 | lr=0.01 | lr=0.006
mse = torch.nn.MSELoss()

for n in range(1, PASSES + 1):
    shuffled = torch.randperm(len(table))
    for i in range(0, len(table), BATCH):
        rows = shuffled[i : i + BATCH]
        loss = mse(net(table[rows]), z[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if n % 10 == 0:
        with torch.no_grad():
            print(f"pass {n:3d}  mse {mse(net(table), z).item():.5f}")
