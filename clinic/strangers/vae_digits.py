import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits


class VAE(nn.Module):
    def __init__(self, zdim=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.mu = nn.Linear(64, zdim)
        self.logvar = nn.Linear(64, zdim)
        self.dec = nn.Sequential(nn.Linear(zdim, 64), nn.ReLU(), nn.Linear(64, 128), nn.ReLU(),
                                 nn.Linear(128, 64), nn.Sigmoid())

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def forward(self, x):
        h = self.enc(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = self.reparameterize(mu, logvar)
        return self.dec(z), mu, logvar


def loss_function(recon, x, mu, logvar):
    rec = F.binary_cross_entropy(recon, x)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return rec + kld, rec, kld


def main():
    torch.manual_seed(0)
    X = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
    train, test = X[:1500], X[1500:]
    loader = DataLoader(TensorDataset(train), batch_size=64, shuffle=True)
    vae = VAE()
    opt = torch.optim.Adam(vae.parameters(), lr=1e-3)
    for epoch in range(1, 61):
        vae.train()
        tot = r = k = 0.0
        for (x,) in loader:
            recon, mu, logvar = vae(x)
            loss, rec, kld = loss_function(recon, x, mu, logvar)
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item(); r += rec.item(); k += kld.item()
        if epoch % 10 == 0:
            n = len(loader)
            print(f"epoch {epoch}: loss {tot / n:.4f} rec {r / n:.4f} kld {k / n:.5f}")
    vae.eval()
    with torch.no_grad():
        recon, mu, _ = vae(test)
        mse = F.mse_loss(recon, test).item()
        base = F.mse_loss(train.mean(0).expand_as(test), test).item()
    print(f"test reconstruction mse {mse:.4f}  (mean image: {base:.4f})")
    print(f"spread of reconstructions between images: {recon.std(0).mean():.4f}")


if __name__ == "__main__":
    main()
