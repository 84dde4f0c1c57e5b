"""Weibull accelerated-failure-time regression with right censoring."""
import numpy as np
import torch
from torch import nn

torch.manual_seed(11)
rng = np.random.default_rng(11)


def simulate(n):
    age = rng.normal(62, 9, n)
    marker = rng.lognormal(0.0, 0.6, n)
    stage = rng.integers(1, 5, n)
    treated = rng.integers(0, 2, n)
    bmi = rng.normal(26, 4, n)
    x = np.stack([age, np.log(marker), stage, treated, bmi], 1)
    x = (x - x.mean(0)) / x.std(0)
    log_scale = 2.0 + x @ np.array([-0.35, -0.5, -0.6, 0.45, 0.0])
    event = np.exp(log_scale) * rng.weibull(1.6, n)
    censor = rng.exponential(25.0, n)
    time = np.minimum(event, censor)
    return x.astype(np.float32), time.astype(np.float32), (event <= censor).astype(np.float32)


class WeibullAFT(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.beta = nn.Linear(n_features, 1)
        self.log_shape = nn.Parameter(torch.zeros(()))
        nn.init.zeros_(self.beta.weight)
        nn.init.zeros_(self.beta.bias)

    def log_likelihood(self, x, t, d):
        log_scale = self.beta(x).squeeze(-1)
        k = self.log_shape.exp()
        z = k * (t.log() - log_scale)
        return (d * (self.log_shape - t.log() + z) - z.exp()).mean()


def concordance(risk, t, d):
    comparable = (t[:, None] < t[None, :]) & (d[:, None] == 1)
    higher = risk[:, None] > risk[None, :]
    return (comparable & higher).sum() / comparable.sum()


x, t, d = simulate(3000)
x, t, d = torch.from_numpy(x), torch.from_numpy(t), torch.from_numpy(d)
train, test = slice(0, 2400), slice(2400, None)

model = WeibullAFT(x.shape[1])
with torch.no_grad():
    # exponential model without covariates as the starting point
    model.beta.bias.fill_(torch.log(t[train].sum() / d[train].sum()).item())
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, maximize=True)

with torch.no_grad():
    print(f"start      test loglik {model.log_likelihood(x[test], t[test], d[test]):.4f}")

for epoch in range(40):
    perm = torch.randperm(2400)
    for idx in perm.split(200):
        optimizer.zero_grad()
        ll = model.log_likelihood(x[idx], t[idx], d[idx])
        ll.backward()
        optimizer.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            print(f"epoch {epoch + 1:3d}  test loglik "
                  f"{model.log_likelihood(x[test], t[test], d[test]):.4f}  "
                  f"shape {model.log_shape.exp():.3f}")

with torch.no_grad():
    risk = -model.beta(x[test]).squeeze(-1)
    print("coefficients", [round(v, 3) for v in model.beta.weight[0].tolist()])
    print(f"censored fraction {1 - d.mean():.3f}")
    print(f"final test loglik {model.log_likelihood(x[test], t[test], d[test]):.4f}")
    print(f"final c-index {concordance(risk, t[test], d[test]):.4f}")
