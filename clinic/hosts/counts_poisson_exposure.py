"""Poisson regression of claim counts with an exposure offset and a region effect.

Field: count regression
Metric: log-rate rmse, lower is better; 0.654 without learning
"""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.RandomState(0)

# portfolio: age and mileage of the car, experience of the driver, region, years insured
n_policies, n_regions = 12000, 8
age = rng.gamma(3.0, 2.5, n_policies)
mileage = rng.lognormal(2.3, 0.4, n_policies)
experience = rng.uniform(0, 40, n_policies)
region = rng.randint(0, n_regions, n_policies)
exposure = rng.uniform(0.1, 2.0, n_policies)
region_effect = np.linspace(-0.6, 0.6, n_regions)[rng.permutation(n_regions)]
log_rate = -0.6 + 0.04 * (age - 7.5) + 0.9 * (np.log(mileage) - 2.3) - 0.03 * (experience - 20) + region_effect[region]
claims = rng.poisson(exposure * np.exp(log_rate))

columns = np.stack([age, np.log(mileage), experience], axis=1)
train = np.arange(n_policies) < 9000
columns = (columns - columns[train].mean(axis=0)) / columns[train].std(axis=0)

X = torch.tensor(columns, dtype=torch.float32)
R = torch.tensor(region)
E = torch.tensor(exposure, dtype=torch.float32)
Y = torch.tensor(claims, dtype=torch.float32)
is_train = torch.tensor(train)


class ClaimFrequency(nn.Module):
    """Log rate per year, linear in the columns with one intercept per region."""

    def __init__(self, n_columns, n_regions):
        super().__init__()
        self.linear = nn.Linear(n_columns, 1)
        self.region = nn.Embedding(n_regions, 1)
        nn.init.zeros_(self.region.weight)

    def forward(self, x, region):
        """One log rate per policy."""
        return self.linear(x).squeeze(-1) + self.region(region).squeeze(-1)


def poisson_nll(log_rate, exposure, count):
    """Poisson negative log-likelihood without the constant log(count!)."""
    log_mean = log_rate + torch.log(exposure)
    return (torch.exp(log_mean) - count * log_mean).mean()


model = ClaimFrequency(X.shape[1], n_regions)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)

rows = is_train.nonzero().squeeze(1)
for epoch in range(16):
    running = 0.0
    for batch in rows[torch.randperm(len(rows))].split(250):
        optimizer.zero_grad()
        loss = poisson_nll(model(X[batch], R[batch]), E[batch], Y[batch])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(batch)
    scheduler.step()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1:2d}: negative log-likelihood {running / len(rows):.4f}")

with torch.no_grad():
    fitted = model(X[~is_train], R[~is_train]).numpy()
expected = (exposure[~train] * np.exp(fitted)).sum()
print(f"claims expected {expected:.0f}, observed {claims[~train].sum()}")
rmse = np.sqrt(np.mean((fitted - log_rate[~train]) ** 2))
print(f"log-rate rmse {rmse:.4f}")
