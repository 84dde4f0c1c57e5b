"""Diabetes progression from the raw, unscaled measurements; the first layer is a batch normalisation.

Fault: none
Looks like: inputs_not_normalised, since age, sex and blood values come in their own units; BatchNorm1d scales them inside the network.
Metric: test MSE, lower is better; 1.089 without learning
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(0)
torch.manual_seed(0)  # clinic: seed(0) | seed(15)

X, y = load_diabetes(return_X_y=True, scaled=False)
y = (y - y.mean()) / y.std()
dataset = TensorDataset(torch.from_numpy(X).float(), torch.from_numpy(y).float().view(-1, 1))
train_ds, test_ds = torch.utils.data.random_split(dataset, [352, 90])
train_loader = DataLoader(train_ds, batch_size=44, shuffle=True)  # clinic: batch_size=44 | batch_size=32

model = nn.Sequential(
    nn.BatchNorm1d(10),
    nn.Linear(10, 16),  # clinic: nn.Linear(10, 16) | nn.Linear(10, 16, bias=False)
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(16, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)

for epoch in range(1, 31):
    model.train()
    batch_losses = []
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            inputs, targets = next(iter(DataLoader(test_ds, batch_size=90)))
            test_mse = criterion(model(inputs), targets).item()
        print(f"Epoch {epoch:02d} | train MSE {np.mean(batch_losses):.3f} | test MSE {test_mse:.3f}")
