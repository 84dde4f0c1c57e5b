import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def synth_listings(n, rng):
    area = rng.normal(1800, 500, n).clip(400)
    rooms = rng.integers(1, 8, n)
    year = rng.integers(1920, 2022, n)
    dist = rng.exponential(8.0, n)
    lot = rng.lognormal(8.7, 0.5, n)
    income = rng.normal(62000, 15000, n).clip(15000)
    price = (110 * area + 9000 * rooms + 600 * (year - 1920) - 5500 * dist
             + 4.0 * lot + 1.6 * income + rng.normal(0, 12000, n))
    return np.c_[area, rooms, year, dist, lot, income].astype(np.float32), price.astype(np.float32)


class Houses(Dataset):
    def __init__(self, X, y):
        self.X, self.y = torch.from_numpy(X), torch.from_numpy(y).unsqueeze(1)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


class Regressor(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, 64), nn.Tanh(),
            nn.Linear(64, 64), nn.Tanh(),
            nn.Linear(64, 1))

    def forward(self, x):
        return self.layers(x)


def main():
    rng = np.random.default_rng(10)
    torch.manual_seed(10)
    X, y = synth_listings(3000, rng)
    Xt, yt = synth_listings(500, rng)
    train = DataLoader(Houses(X, y), batch_size=64, shuffle=True)
    model = Regressor(X.shape[1])
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    mse = nn.MSELoss()
    for epoch in range(40):
        losses = []
        for xb, yb in train:
            loss = mse(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if (epoch + 1) % 5 == 0:
            print(f"epoch {epoch + 1}: train loss {np.mean(losses):.1f}")
    with torch.no_grad():
        pred = model(torch.from_numpy(Xt)).numpy().ravel()
    r2 = 1 - ((yt - pred) ** 2).sum() / ((yt - yt.mean()) ** 2).sum()
    print("first predictions:", pred[:5].round(1), "actual:", yt[:5].round(1))
    print(f"test R2 {r2:.3f}")


if __name__ == "__main__":
    main()
