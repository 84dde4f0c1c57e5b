"""Concentrations from spectra, with a head that is made when the width is known.

Fault: none
"""
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(3)
torch.manual_seed(3)


class Reader(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(1, width, 5, stride=2), nn.ReLU(), nn.Flatten())
        self.head = None

    def forward(self, x):
        features = self.body(x)
        if self.head is None:
            self.head = nn.Linear(features.shape[1], 1)
        return self.head(features).squeeze(-1)


spectra = rng.normal(size=(600, 1, 32)).astype("float32")
weights = rng.normal(size=32) / 6
target = np.tanh(spectra[:, 0] @ weights).astype("float32")
spectra, target = torch.from_numpy(spectra), torch.from_numpy(target)

model = Reader(8)  # clinic: 8 | 12 | 16
model(spectra[:2])
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)  # clinic: lr=0.003 | lr=0.002 | lr=0.005
for epoch in range(20):
    for rows in torch.randperm(len(spectra)).split(30):
        loss = nn.functional.mse_loss(model(spectra[rows]), target[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
