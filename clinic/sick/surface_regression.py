"""Learn a two-dimensional surface with a one-hidden-layer network.

Fault: symmetric_units
Fix: keep PyTorch's default (random) initialisation
"""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Surface(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.xy = rng.uniform(-1, 1, size=(n, 2)).astype(np.float32)
        z = np.sin(3 * self.xy[:, 0]) * np.cos(2 * self.xy[:, 1]) + self.xy[:, 0] * self.xy[:, 1]
        self.z = z.astype(np.float32)

    def __len__(self):
        return len(self.z)

    def __getitem__(self, i):
        return self.xy[i], self.z[i]


class Approximator(nn.Module):
    def __init__(self, units):
        super().__init__()
        self.hidden = nn.Linear(2, units)
        self.output = nn.Linear(units, 1)
        self._reset()

    def _reset(self):
        for layer in (self.hidden, self.output):
            nn.init.constant_(layer.weight, 0.1)  # clinic: 0.1 | 0.05 | 0.3
            nn.init.constant_(layer.bias, 0.0)

    def forward(self, xy):
        return self.output(torch.tanh(self.hidden(xy)))[:, 0]


torch.manual_seed(0)
train_loader = DataLoader(Surface(600, seed=1), batch_size=30, shuffle=True)
model = Approximator(units=50)  # clinic: units=50 | units=30 | units=80
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)  # clinic: lr=0.02 | lr=0.01 | lr=0.03
for epoch in range(1, 21):
    sse = 0.0
    for xy, z in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xy), z)
        loss.backward()
        optimizer.step()
        sse += loss.item() * len(z)
    if epoch % 4 == 0:
        print(f"epoch {epoch}: rmse {(sse / 600) ** 0.5:.4f}")
