"""Variational autoencoder on the 8x8 digits, with KL warm-up and a learned noise level."""
import math

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
np.random.seed(0)

LATENT = 10
EPOCHS = 80
WARMUP = 50
ACCUMULATE = 2


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.mu = nn.Linear(64, LATENT)
        self.log_var = nn.Linear(64, LATENT)
        self.decoder = nn.Sequential(nn.Linear(LATENT, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64))
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def encode(self, x):
        h = self.encoder(x)
        return self.mu(h), self.log_var(h)

    def forward(self, x):
        mu, log_var = self.encode(x)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return self.decoder(z), mu, log_var

    def elbo_terms(self, x):
        recon, mu, log_var = self(x)
        sigma2 = torch.exp(2 * self.log_sigma)
        nll = 0.5 * ((x - recon) ** 2 / sigma2 + 2 * self.log_sigma + math.log(2 * math.pi))
        kl = 0.5 * (mu ** 2 + log_var.exp() - 1 - log_var)
        return nll.sum(1).mean(), kl.sum(1).mean()


images = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
perm = torch.randperm(len(images))
train, test = images[perm[:1400]], images[perm[1400:]]

vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=4e-3)

for epoch in range(EPOCHS):
    beta = min(1.0, epoch / WARMUP)
    sums = np.zeros(2)
    batches = torch.randperm(len(train)).split(50)
    optimizer.zero_grad()
    for i, idx in enumerate(batches):
        nll, kl = vae.elbo_terms(train[idx])
        ((nll + beta * kl) / ACCUMULATE).backward()
        if (i + 1) % ACCUMULATE == 0:
            optimizer.step()
            optimizer.zero_grad()
        sums += (nll.item(), kl.item())
    nll, kl = sums / len(batches)
    if epoch % 8 == 0 or epoch == EPOCHS - 1:
        print(f"epoch {epoch:3d}  beta {beta:.2f}  loss {nll + beta * kl:9.3f}  nll {nll:9.3f}  kl {kl:7.3f}")

with torch.no_grad():
    mu, _ = vae.encode(test)
    recon = vae.decoder(mu)
    r2 = 1 - (test - recon).pow(2).sum() / (test - train.mean(0)).pow(2).sum()
print(f"reconstruction R2 on held-out digits: {r2.item():.4f}")
