"""Prediction intervals for disease progression by quantile regression."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def pinball(pred, y):
    err = y[:, None] - pred
    return torch.maximum(QUANTILES * err, (QUANTILES - 1) * err).mean()


class QuantileNet(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 32), nn.ReLU(), nn.Dropout(0.3))
        self.median = nn.Linear(32, 1)
        self.widths = nn.Linear(32, 2)

    def forward(self, x):
        h = self.body(x)
        m = self.median(h)
        lo, hi = nn.functional.softplus(self.widths(h)).split(1, dim=1)
        return torch.cat([m - lo, m, m + hi], dim=1)


def run():
    torch.manual_seed(9)
    x, y = load_diabetes(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.25, random_state=9)
    sx = StandardScaler().fit(x_tr)
    mu, sd = y_tr.mean(), y_tr.std()
    as_t = lambda a: torch.tensor(a, dtype=torch.float32)
    x_tr, x_te = as_t(sx.transform(x_tr)), as_t(sx.transform(x_te))
    z_tr, z_te = as_t((y_tr - mu) / sd), as_t((y_te - mu) / sd)

    model = QuantileNet(x_tr.shape[1])
    opt = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    loader = DataLoader(TensorDataset(x_tr, z_tr), batch_size=4, shuffle=True)

    constant = torch.tensor(np.quantile(z_tr.numpy(), QUANTILES.numpy()), dtype=torch.float32)
    baseline = pinball(constant.expand(len(z_te), 3), z_te).item() * sd
    model.eval()
    with torch.no_grad():
        print(f"untrained pinball {pinball(model(x_te), z_te).item() * sd:.3f}, constant quantiles {baseline:.3f}")

    for epoch in range(25):
        model.train()
        for i, (xb, zb) in enumerate(loader):
            loss = pinball(model(xb), zb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            if epoch % 6 == 0 and i % 40 == 0:
                print(f"epoch {epoch:2d} batch {i:3d} loss {loss.item():.4f}")
    model.eval()
    with torch.no_grad():
        pred = model(x_te)
        inside = ((z_te >= pred[:, 0]) & (z_te <= pred[:, 2])).float().mean().item()
        r2 = 1 - ((z_te - pred[:, 1]) ** 2).mean().item() / z_te.var(unbiased=False).item()
        print(f"80% interval covers {inside:.3f}, median R2 {r2:.3f}")
        print(f"final test pinball {pinball(pred, z_te).item() * sd:.3f} (constant {baseline:.3f})")


if __name__ == "__main__":
    run()
