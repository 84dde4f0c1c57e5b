"""Crop yield as a share of the best harvest (0..1), with a sigmoid at the output.

Fault: none
Looks like: output_loss_mismatch, since a sigmoid feeds a squared error; the targets are scaled to [0, 1], so the range fits.
Metric: R2, higher is better; -0.066 without learning
"""

import numpy as np
import torch
from sklearn.preprocessing import MinMaxScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(1)  # clinic: default_rng(1) | default_rng(6)
torch.manual_seed(1)

rain = rng.normal(600, 150, 2500)
temperature = rng.normal(16, 4, 2500)
nitrogen = rng.uniform(0, 200, 2500)
tonnes = 8 * np.exp(-(((rain - 650) / 300) ** 2) - ((temperature - 18) / 9) ** 2) * (
    0.4 + 0.6 * nitrogen / (nitrogen + 60)
) + rng.normal(0, 0.45, 2500)

X = np.column_stack([rain, temperature, nitrogen])
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(MinMaxScaler().fit_transform(tonnes[:, None]), dtype=torch.float32)
loader = DataLoader(TensorDataset(X[:2000], y[:2000]), batch_size=50, shuffle=True)

predictor = nn.Sequential(
    nn.Linear(3, 32),
    nn.ReLU(),  # clinic: ReLU | Tanh
    nn.Linear(32, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
    nn.Sigmoid(),
)
optimizer = torch.optim.Adam(predictor.parameters(), lr=5e-3)  # clinic: lr=5e-3 | lr=8e-3
loss_function = nn.MSELoss()

for epoch in range(1, 11):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss_function(predictor(xb), yb).backward()
        optimizer.step()
    if epoch % 2 == 0:
        with torch.no_grad():
            fit, val = loss_function(predictor(X[:2000]), y[:2000]), loss_function(predictor(X[2000:]), y[2000:])
        print(f"epoch {epoch:2d}  train mse {fit:.5f}  val mse {val:.5f}  R2 {1 - val / y[2000:].var():.3f}")
