"""Mixture density network for the inverse kinematics of a two-link arm (one input position, several valid joint angles)."""
import math

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

torch.manual_seed(3)
rng = np.random.default_rng(3)


def make_data(n):
    q1 = rng.uniform(0.2, 1.4, n)
    q2 = rng.uniform(-2.6, 2.6, n)
    x = np.cos(q1) + 0.8 * np.cos(q1 + q2)
    y = np.sin(q1) + 0.8 * np.sin(q1 + q2)
    pos = np.stack([x, y], 1) + 0.02 * rng.standard_normal((n, 2))
    ang = np.stack([q1, q2], 1)
    return torch.tensor(pos, dtype=torch.float32), torch.tensor(ang, dtype=torch.float32)


class MDN(nn.Module):
    def __init__(self, d_in=2, d_out=2, k=6, hidden=64):
        super().__init__()
        self.k, self.d_out = k, d_out
        self.body = nn.Sequential(
            nn.Linear(d_in, hidden), nn.Tanh(),
            nn.Linear(hidden, hidden), nn.Tanh(),
        )
        self.pi = nn.Linear(hidden, k)
        self.mu = nn.Linear(hidden, k * d_out)
        self.log_sigma = nn.Linear(hidden, k * d_out)

    def forward(self, x):
        h = self.body(x)
        log_pi = torch.log_softmax(self.pi(h), dim=-1)
        mu = self.mu(h).view(-1, self.k, self.d_out)
        sigma = self.log_sigma(h).view(-1, self.k, self.d_out).clamp(-4, 2).exp()
        return log_pi, mu, sigma


def mdn_loss(log_pi, mu, sigma, y):
    z = (y.unsqueeze(1) - mu) / sigma
    log_prob = -0.5 * z ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)
    log_prob = log_prob.sum(-1)
    return -torch.logsumexp(log_pi + log_prob, dim=0).mean()


@torch.no_grad()
def heldout_nll(model, x, y):
    log_pi, mu, sigma = model(x)
    mix = MixtureSameFamily(Categorical(logits=log_pi), Independent(Normal(mu, sigma), 1))
    return -mix.log_prob(y).mean().item()


x_train, y_train = make_data(4000)
x_test, y_test = make_data(1000)

m, s = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - m) / s, (x_test - m) / s
m, s = y_train.mean(0), y_train.std(0)
y_train, y_test = (y_train - m) / s, (y_test - m) / s

base = Independent(Normal(y_train.mean(0), y_train.std(0)), 1)
print(f"single gaussian, no inputs: NLL {-base.log_prob(y_test).mean():.3f}")

model = MDN()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
batch = 128
for epoch in range(22):
    perm = torch.randperm(len(x_train))
    total = 0.0
    for i in range(0, len(perm), batch):
        idx = perm[i:i + batch]
        loss = mdn_loss(*model(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        total += loss.item() * len(idx)
    print(f"epoch {epoch + 1:2d}  train loss {total / len(perm):.3f}  test NLL {heldout_nll(model, x_test, y_test):.3f}")

print(f"final test NLL: {heldout_nll(model, x_test, y_test):.3f}")
