import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class VAE(nn.Module):
    def __init__(self, d=64, h=128, z=8):
        super().__init__()
        self.fc1 = nn.Linear(d, h)
        self.mu = nn.Linear(h, z)
        self.logvar = nn.Linear(h, z)
        self.fc3 = nn.Linear(z, h)
        self.fc4 = nn.Linear(h, d)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon, x, mu, logvar):
    rec = F.binary_cross_entropy(recon, x, reduction="mean")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()
    return rec + kld, rec, kld


torch.manual_seed(0)
data = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)
train, test = data[:1500], data[1500:]
model = VAE()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(1, 61):
    model.train()
    tot = rec_tot = kl_tot = 0.0
    for b in torch.randperm(len(train)).split(50):
        recon, mu, logvar = model(train[b])
        loss, rec, kl = loss_function(recon, train[b], mu, logvar)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
        rec_tot += rec.item()
        kl_tot += kl.item()
    if epoch % 6 == 0:
        model.eval()
        with torch.no_grad():
            out = model.decode(model.encode(test)[0])
            mse = F.mse_loss(out, test)
            spread = out.std(0).mean()
        print(f"epoch {epoch:2d} loss {tot / 30:.4f} rec {rec_tot / 30:.4f} kl {kl_tot / 30:.5f} "
              f"| test mse {mse:.4f} (mean image {F.mse_loss(train.mean(0).expand_as(test), test):.4f}) spread {spread:.4f}")
