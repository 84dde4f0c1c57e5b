"""Mixture density network for an inverse problem (several answers y for one x)."""
import math

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical, MixtureSameFamily, Normal

torch.set_num_threads(1)
SEED = 5
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

K = 5
BATCH = 200
EPOCHS = 90


def simulate(n):
    y = rng.uniform(0, 1, size=n)
    x = y + 0.3 * np.sin(2 * np.pi * y) + rng.uniform(-0.07, 0.07, size=n)
    return x.astype(np.float32)[:, None], y.astype(np.float32)


x_train, y_train = simulate(3000)
x_val, y_val = simulate(1000)
x_mean, x_std = x_train.mean(), x_train.std()
to_x = lambda a: torch.from_numpy((a - x_mean) / x_std)
x_train, x_val = to_x(x_train), to_x(x_val)
y_train, y_val = torch.from_numpy(y_train), torch.from_numpy(y_val)

trunk = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
head_pi = nn.Linear(48, K)
head_mu = nn.Linear(48, K)
head_log_sigma = nn.Linear(48, K)
with torch.no_grad():
    head_mu.bias.copy_(torch.linspace(0.05, 0.95, K))
    head_log_sigma.bias.fill_(-1.5)

parameters = [p for m in (trunk, head_pi, head_mu, head_log_sigma) for p in m.parameters()]
optimizer = torch.optim.Adam(parameters, lr=5e-3)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[55, 75], gamma=0.3)


def mixture_parameters(x):
    h = trunk(x)
    return head_pi(h), head_mu(h), head_log_sigma(h).clamp(-5, 2)


def nll(pi_logits, mu, log_sigma, y):
    z = (y.unsqueeze(1) - mu) * torch.exp(-log_sigma)
    log_component = -0.5 * z ** 2 - log_sigma - 0.5 * math.log(2 * math.pi)
    log_weight = torch.log_softmax(pi_logits, dim=1)
    return -torch.logsumexp(log_weight + log_component, dim=1).mean()


def validation_nll():
    with torch.no_grad():
        pi_logits, mu, log_sigma = mixture_parameters(x_val)
        dist = MixtureSameFamily(Categorical(logits=pi_logits), Normal(mu, log_sigma.exp()))
        return -dist.log_prob(y_val).mean().item()


gauss = Normal(y_train.mean(), y_train.std())
print(f"single gaussian val nll: {-gauss.log_prob(y_val).mean().item():.4f}")
print(f"before training: val nll {validation_nll():.4f}")

for epoch in range(1, EPOCHS + 1):
    perm = torch.randperm(len(x_train))
    losses = []
    for start in range(0, len(perm), BATCH):
        idx = perm[start:start + BATCH]
        loss = nll(*mixture_parameters(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    if epoch % 15 == 0:
        print(f"epoch {epoch:3d}: train nll {np.mean(losses):.4f}  val nll {validation_nll():.4f}")

with torch.no_grad():
    grid = to_x(np.linspace(0.0, 1.0, 5, dtype=np.float32)[:, None])
    pi_logits, mu, log_sigma = mixture_parameters(grid)
    weights = pi_logits.softmax(dim=1)
    for row in range(5):
        best = weights[row].argsort(descending=True)[:3]
        print("x =", round(row / 4, 2), " main modes:",
              [(round(mu[row, k].item(), 2), round(weights[row, k].item(), 2)) for k in best])

print(f"final val nll: {validation_nll():.4f}")
