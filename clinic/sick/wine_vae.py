"""A variational autoencoder of wines.

Fault: mixed_reductions
Fix: both terms summed over the batch
"""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(6)
wines = torch.tensor(StandardScaler().fit_transform(load_wine().data), dtype=torch.float32)
loader = DataLoader(TensorDataset(wines), batch_size=32, shuffle=True)  # clinic: batch_size=32 | batch_size=45 | batch_size=20


class VAE(nn.Module):
    def __init__(self, latent=4):  # clinic: latent=4 | latent=6
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(13, 64), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(64, latent), nn.Linear(64, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 13))

    def forward(self, x):
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decoder(z), mean, log_variance


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)  # clinic: lr=2e-3 | lr=1e-3 | lr=4e-3
reconstruction = nn.MSELoss()
for epoch in range(120):
    total = 0.0
    for (x,) in loader:
        decoded, mean, log_variance = vae(x)
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        loss = reconstruction(decoded, x) + divergence
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: loss {total / len(wines):.4f}, spread of what is decoded {decoded.std(0).mean():.3f}")
