"""Trains a DeepSurv-style network with the Cox partial likelihood on synthetic right-censored survival times."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler


def simulate(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 8))
    risk = 1.0 * X[:, 0] - 0.8 * X[:, 1] + 0.9 * (X[:, 2] ** 2 - 1) + 0.7 * X[:, 3] * X[:, 4]
    t = rng.exponential(scale=np.exp(-risk)) * 12
    c = rng.exponential(scale=30, size=n)
    time = np.minimum(t, c)
    event = (t <= c).astype(np.float32)
    return X.astype(np.float32), time.astype(np.float32), event


def cox_ph_loss(log_hazard, time, event):
    """Negative log partial likelihood, Breslow version (no handling of ties)."""
    order = torch.argsort(time)
    log_hazard, event = log_hazard[order], event[order]
    log_risk = torch.logcumsumexp(log_hazard, dim=0)
    return -((log_hazard - log_risk) * event).sum() / event.sum().clamp(min=1)


def concordance(time, event, score):
    """Harrell's c-index; a higher score should mean an earlier event."""
    ti, tj = time[:, None], time[None, :]
    usable = (ti < tj) & (event[:, None] == 1)
    si, sj = score[:, None], score[None, :]
    good = (si > sj).float() + 0.5 * (si == sj).float()
    return (good * usable).sum().item() / usable.sum().item()


class DeepSurv(nn.Module):
    def __init__(self, n_features, hidden=64, p=0.1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, hidden), nn.ReLU(), nn.Dropout(p),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(p),
            nn.Linear(hidden, 1, bias=False),
        )

    def forward(self, x):
        return self.layers(x).squeeze(-1)


torch.manual_seed(11)
X_train, t_train, e_train = simulate(3000, seed=0)
X_val, t_val, e_val = simulate(1000, seed=1)
scaler = StandardScaler().fit(X_train)
X_train, X_val = (torch.tensor(scaler.transform(a)) for a in (X_train, X_val))
t_train, e_train, t_val, e_val = map(torch.from_numpy, (t_train, e_train, t_val, e_val))
print(f"{len(X_train)} training subjects, {1 - e_train.mean().item():.0%} censored")

net = DeepSurv(X_train.shape[1])
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
batch_size = 256
for epoch in range(24):
    net.train()
    perm = torch.randperm(len(X_train))
    losses = []
    for start in range(0, len(perm), batch_size):
        b = perm[start:start + batch_size]
        loss = cox_ph_loss(net(X_train[b]), t_train[b], e_train[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        c_index = concordance(t_val, e_val, net(X_val))
    if (epoch + 1) % 3 == 0:
        print(f"epoch {epoch + 1:2d}  train loss {np.mean(losses):.4f}  val c-index {c_index:.4f}")
