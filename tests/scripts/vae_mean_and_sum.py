"""A variational autoencoder of digits, whose evaluation uses the loss that it is trained by: a mean beside a sum."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
pixels = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
train, test = pixels[:1500], pixels[1500:]


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(128, latent), nn.Linear(128, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid())

    def forward(self, x):
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        return self.decoder(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)), mean, log_variance


def loss_function(decoded, x, mean, log_variance):
    reconstruction = F.binary_cross_entropy(decoded, x)
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return reconstruction + divergence


model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(len(train)).split(64):
        decoded, mean, log_variance = model(train[rows])
        loss = loss_function(decoded, train[rows], mean, log_variance)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        held_out = sum(loss_function(model(x)[0], x, *model(x)[1:]).item() for x in test.split(64)) / len(test)
    print(f"epoch {epoch + 1}: held-out loss {held_out:.4f}")
