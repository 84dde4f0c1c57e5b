import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(17)
LATENT, STEPS, WARMUP, BATCH = 8, 2000, 1200, 64

x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
x_train, x_test = map(torch.as_tensor, train_test_split(x.numpy(), test_size=0.2, random_state=0))


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 2 * LATENT))
        self.dec = nn.Sequential(nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        mu, logvar = self.enc(x).chunk(2, dim=1)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.dec(z), mu, logvar


def terms(model, x):
    """Expected log-likelihood of the pixels and KL to the prior, both in nats per image."""
    logits, mu, logvar = model(x)
    recon = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()
    kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1).mean()
    return recon, kl


@torch.no_grad()
def test_elbo(model, repeats=10):
    values = [terms(model, x_test) for _ in range(repeats)]
    return sum((r - k).item() for r, k in values) / repeats


model = VAE()
opt = torch.optim.Adam(model.parameters(), lr=2e-3, maximize=True)
pixel_mean = x_train.mean(0).clamp(1e-3, 1 - 1e-3).expand_as(x_test)
print(f"independent pixels: {-F.binary_cross_entropy(pixel_mean, x_test, reduction='none').sum(1).mean():.2f}")
print(f"untrained ELBO: {test_elbo(model):.2f}")
for step in range(1, STEPS + 1):
    beta = min(1.0, step / WARMUP)          # KL warm-up
    batch = x_train[torch.randint(len(x_train), (BATCH,))]
    recon, kl = terms(model, batch)
    objective = recon - beta * kl
    opt.zero_grad()
    objective.backward()
    opt.step()
    if step % 200 == 0:
        print(f"step {step:4d}  beta {beta:.2f}  objective {objective.item():.2f}  "
              f"recon {recon.item():.2f}  kl {kl.item():.2f}  test ELBO {test_elbo(model):.2f}")

entropy = -(x_test * x_test.clamp(1e-6).log() + (1 - x_test) * (1 - x_test).clamp(1e-6).log()).sum(1).mean()
print(f"upper bound from pixel entropy: {-entropy:.2f}")
print(f"final test ELBO: {test_elbo(model):.2f}")
