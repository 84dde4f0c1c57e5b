"""An autoencoder of healthy sensor readings; a large reconstruction error marks an anomaly.

Field: anomaly detection
Metric: detection AUC, higher is better; 0.507 without learning
"""

import numpy as np
import torch
from scipy.stats import rankdata
from torch import nn, optim

torch.manual_seed(0)
rng = np.random.RandomState(0)

SENSORS, FACTORS = 20, 3
mixing = rng.randn(FACTORS, SENSORS)
offsets = rng.uniform(-1, 1, SENSORS)
units = rng.uniform(0.5, 50.0, SENSORS)


def healthy(n):
    """Sensors that all follow a few hidden factors."""
    factors = rng.uniform(-1.5, 1.5, (n, FACTORS))
    return units * (np.tanh(factors @ mixing + offsets) + 0.05 * rng.randn(n, SENSORS))


def faulty(n):
    """Machines some of whose sensors show the reading of another machine."""
    readings, other = healthy(n), healthy(n)
    for row in range(n):
        stuck = rng.choice(SENSORS, size=4, replace=False)
        readings[row, stuck] = other[row, stuck]
    return readings


raw_train, raw_valid = healthy(2000), healthy(300)
raw_test = np.concatenate([healthy(500), faulty(500)])
is_anomaly = np.repeat([0, 1], 500)

mu, sd = raw_train.mean(axis=0), raw_train.std(axis=0)
train, valid, test = (torch.tensor((raw - mu) / sd, dtype=torch.float32) for raw in (raw_train, raw_valid, raw_test))

encoder = nn.Sequential(nn.Linear(SENSORS, 48), nn.ELU(), nn.Linear(48, 24), nn.ELU(), nn.Linear(24, FACTORS))
decoder = nn.Sequential(nn.Linear(FACTORS, 24), nn.ELU(), nn.Linear(24, 48), nn.ELU(), nn.Linear(48, SENSORS))
autoencoder = nn.Sequential(encoder, decoder)

optimizer = optim.Adam(autoencoder.parameters(), lr=3e-3)
plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3)
mse = nn.MSELoss()

for epoch in range(28):
    autoencoder.train()
    for batch in torch.randperm(len(train)).view(-1, 50):
        x = train[batch]
        optimizer.zero_grad()
        loss = mse(autoencoder(x), x)
        loss.backward()
        optimizer.step()
    autoencoder.eval()
    with torch.no_grad():
        valid_loss = mse(autoencoder(valid), valid).item()
    plateau.step(valid_loss)
    if epoch % 7 == 6:
        print(f"epoch {epoch + 1}: train {loss.item():.4f} validation {valid_loss:.4f}")

with torch.no_grad():
    score = (autoencoder(test) - test).pow(2).sum(dim=1).numpy()
ranks = rankdata(score)
positives, negatives = is_anomaly.sum(), (1 - is_anomaly).sum()
auc = (ranks[is_anomaly == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)
print(f"detection AUC {auc:.4f}")
