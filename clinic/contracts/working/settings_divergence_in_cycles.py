"""A variational autoencoder of digits; the weight of its divergence term rises from zero again and again.

On purpose: the coefficient of the divergence starts each of four cycles at zero and is one in their second halves.
Field: variational autoencoder
Metric: test bound, higher is better; -44.5 without learning
Source: Fu et al. 2019, cyclical annealing schedule; https://github.com/haofuml/cyclical_annealing
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

LATENT, CYCLES, EPOCHS = 8, 4, 40


class VAE(nn.Module):
    """An encoder of means and log variances, and a decoder of Bernoulli logits."""

    def __init__(self, width=128):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, width), nn.ReLU(), nn.Linear(width, 64))

    def forward(self, x):
        """Return reconstruction error and divergence, each summed over an example."""
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        error = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(dim=1)
        divergence = 0.5 * (log_var.exp() + mean.pow(2) - 1 - log_var).sum(dim=1)
        return error, divergence


def weight(step, total):
    """Return the coefficient of the divergence."""
    return min(1.0, 2 * (step * CYCLES / total % 1.0))


torch.manual_seed(0)
images = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
images = (images[torch.randperm(len(images))] > 0.5).float()
train, test = images[:1500], images[1500:]
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
total, step = EPOCHS * 30, 0
for epoch in range(1, EPOCHS + 1):
    for rows in torch.randperm(len(train)).split(50):
        error, divergence = model(train[rows])
        loss = (error + weight(step, total) * divergence).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
    if epoch % 5 == 0:
        print(f"epoch {epoch}: error {error.mean().item():.3f}, divergence {divergence.mean().item():.3f}")
model.eval()
with torch.no_grad():
    bound = -sum((error + divergence).mean() for error, divergence in (model(test) for _ in range(20))) / 20
print(f"test bound {bound.item():.4f}")
