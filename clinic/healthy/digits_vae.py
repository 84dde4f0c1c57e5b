"""Variational autoencoder on 8x8 digits (loss summed over pixels and batch, as in PyTorch's VAE example).

Fault: none
Looks like: sum_reduction, since the loss is in the thousands and grows with the batch; Adam does not care about the scale and the sum keeps the ELBO's balance.
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim

torch.manual_seed(1)
pixels = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)


class VAE(nn.Module):
    def __init__(self, hidden=128, latent=8):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc21 = nn.Linear(hidden, latent)
        self.fc22 = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, 64)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x, reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


model = VAE(hidden=128, latent=8)  # clinic: hidden=128 | hidden=200 | hidden=96
optimizer = optim.Adam(model.parameters(), lr=3e-3)  # clinic: lr=3e-3 | lr=4e-3
batch_size = 64  # clinic: 64 | 100

model.train()
for epoch in range(1, 17):
    train_loss = 0.0
    for idx in torch.randperm(len(pixels)).split(batch_size):
        data = pixels[idx]
        optimizer.zero_grad()
        recon, mu, logvar = model(data)
        loss = loss_function(recon, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
    if epoch % 4 == 0:
        print(f"====> Epoch: {epoch} Average loss: {train_loss / len(pixels):.4f}")
