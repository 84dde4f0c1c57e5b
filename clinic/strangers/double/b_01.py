"""Accident counts per road segment: a small Poisson network with an exposure offset."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
np.random.seed(0)

N, N_TRAIN = 8000, 6000
EPOCHS, BATCH, LR = 25, 128, 3e-3


def simulate_segments(n):
    X = rng.normal(size=(n, 6))
    road_type = rng.integers(0, 5, size=n)
    traffic = np.exp(rng.normal(0.0, 0.8, size=n)).clip(0.1, 8.0)   # million vehicle-km
    type_effect = np.array([-0.8, -0.3, 0.0, 0.4, 0.9])[road_type]
    eta = 0.6 + 0.5 * np.sin(1.5 * X[:, 0]) + 0.4 * X[:, 1] * (X[:, 2] > 0) - 0.3 * X[:, 3]
    mu = traffic * np.exp(np.clip(eta + type_effect, -3, 2.2))
    return X, road_type, traffic, rng.poisson(mu)


class CountNet(nn.Module):
    def __init__(self, n_num, n_types, emb=4, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(n_types, emb)
        self.mlp = nn.Sequential(
            nn.Linear(n_num + emb, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, x, t, log_exposure):
        h = torch.cat([x, self.emb(t)], dim=1)
        return torch.exp(self.mlp(h).squeeze(1) + log_exposure)


def poisson_deviance(y, mu):
    mu = mu.clamp_min(1e-6)
    ylogy = torch.where(y > 0, y * torch.log(y.clamp_min(1) / mu), torch.zeros_like(y))
    return 2 * (ylogy - (y - mu)).mean().item()


X, road_type, traffic, counts = simulate_segments(N)
perm = rng.permutation(N)
X, road_type, counts = X[perm], road_type[perm], counts[perm]
mean, std = X[:N_TRAIN].mean(0), X[:N_TRAIN].std(0)
X = (X - mean) / std
log_exposure = np.log(traffic)

tensors = (
    torch.tensor(X, dtype=torch.float32),
    torch.tensor(road_type, dtype=torch.long),
    torch.tensor(log_exposure, dtype=torch.float32),
    torch.tensor(counts, dtype=torch.float32),
)
train_ds = TensorDataset(*(t[:N_TRAIN] for t in tensors))
test = tuple(t[N_TRAIN:] for t in tensors)
loader = DataLoader(train_ds, batch_size=BATCH, shuffle=True)

model = CountNet(X.shape[1], 5)
criterion = nn.PoissonNLLLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for xb, tb, eb, yb in loader:
        optimizer.zero_grad()
        rate = model(xb, tb, eb)
        loss = criterion(rate, yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item() * len(yb)
    scheduler.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2d}  train loss {total / N_TRAIN:.4f}")

model.eval()
with torch.no_grad():
    mu = model(*test[:3])
dev = poisson_deviance(test[3], mu)
null = poisson_deviance(test[3], torch.full_like(mu, tensors[3][:N_TRAIN].mean().item()))
print(f"test deviance {dev:.3f} (constant model {null:.3f})")
print(f"deviance explained: {1 - dev / null:.4f}")
