"""Predict a concentration from near-infrared absorbances (synthetic spectra).

Fault: correlated_inputs
Fix: whiten the absorbances with PCA
"""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(7)
torch.manual_seed(7)

n, channels = 500, 24  # clinic: 500, 24 | 800, 16 | 600, 32
baseline = rng.normal(size=(n, 1))
local = rng.normal(size=(n, channels))
spectra = baseline + 0.2 * local
weights = rng.normal(size=channels)
weights -= weights.mean()
concentration = local @ weights / np.linalg.norm(weights) + 0.05 * rng.normal(size=n)

spectra = torch.tensor(StandardScaler().fit_transform(spectra), dtype=torch.float32)
concentration = torch.tensor(concentration, dtype=torch.float32)

model = torch.nn.Linear(channels, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)  # clinic: lr=0.02 | lr=0.015 | lr=0.01
for epoch in range(20):
    order = torch.as_tensor(rng.permutation(n))
    for rows in order.split(32):
        prediction = model(spectra[rows]).squeeze(-1)
        loss = torch.mean((prediction - concentration[rows]) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (epoch + 1) % 4 == 0:
        with torch.no_grad():
            mse = torch.mean((model(spectra).squeeze(-1) - concentration) ** 2)
        print(f"epoch {epoch + 1:2d}: mse {mse.item():.4f} (variance {concentration.var().item():.4f})")
