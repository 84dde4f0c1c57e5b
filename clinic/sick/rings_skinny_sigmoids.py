"""Which of two rings a point lies on, by a deep network of a few units a layer.

Fault: narrow_layer
Fix: more units in the hidden layers
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(4)
n = 300
angle = rng.uniform(0, 2 * np.pi, 2 * n)
radius = np.concatenate([rng.normal(1.0, 0.1, n), rng.normal(2.0, 0.1, n)])
points = torch.tensor(np.c_[radius * np.cos(angle), radius * np.sin(angle)], dtype=torch.float32)
ring = torch.tensor(np.repeat([0, 1], n))

torch.manual_seed(2)


class Skinny(nn.Module):
    def __init__(self, n_units, depth):
        super().__init__()
        self.first = nn.Linear(2, n_units)
        self.middle = nn.ModuleList([nn.Linear(n_units, n_units) for _ in range(depth)])
        self.last = nn.Linear(n_units, 2)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        for layer in self.middle:
            x = torch.tanh(layer(x))
        return self.last(x)


model = Skinny(2, 2)  # clinic: 2, 2 | 1, 1 | 2, 3
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # clinic: lr=0.01 | lr=0.02
loader = DataLoader(TensorDataset(points, ring), batch_size=50, shuffle=True)  # clinic: 50 | 100
for epoch in range(60):
    hits = 0
    for x, y in loader:
        scores = model(x)
        loss = nn.functional.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += (scores.argmax(1) == y).sum().item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: accuracy {hits / (2 * n):.3f}")
