"""Trains a biased matrix factorisation on synthetic user-item ratings (1 to 5)."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

N_USERS, N_ITEMS, RANK = 300, 200, 4


def make_ratings(seed=3):
    rng = np.random.default_rng(seed)
    P = rng.normal(size=(N_USERS, RANK)) / RANK ** 0.5
    Q = rng.normal(size=(N_ITEMS, RANK))
    bu = rng.normal(scale=0.4, size=N_USERS)
    bi = rng.normal(scale=0.5, size=N_ITEMS)
    users = rng.integers(0, N_USERS, 24000)
    items = rng.integers(0, N_ITEMS, 24000)
    keys = np.unique(users * N_ITEMS + items)
    rng.shuffle(keys)
    users, items = keys // N_ITEMS, keys % N_ITEMS
    r = 3.3 + bu[users] + bi[items] + 0.8 * (P[users] * Q[items]).sum(1)
    r = np.clip(r + rng.normal(scale=0.2, size=len(r)), 1, 5)
    return torch.tensor(users), torch.tensor(items), torch.tensor(r, dtype=torch.float32)


class BiasedMF(nn.Module):
    def __init__(self, mean, dim=8):
        super().__init__()
        self.user = nn.Embedding(N_USERS, dim)
        self.item = nn.Embedding(N_ITEMS, dim)
        self.user_bias = nn.Embedding(N_USERS, 1)
        self.item_bias = nn.Embedding(N_ITEMS, 1)
        self.mean = mean
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(-1)
        return self.mean + dot + self.user_bias(u).squeeze(-1) + self.item_bias(i).squeeze(-1)

    def l2(self):
        return sum(p.pow(2).sum() for p in self.parameters())


@torch.no_grad()
def scores(model, u, i, r):
    pred = model(u, i).clamp(1, 5)
    mse = ((pred - r) ** 2).mean()
    return mse.sqrt().item(), (1 - mse / r.var(unbiased=False)).item()


def main(epochs=12, lr=1e-2, reg=0.02):
    torch.manual_seed(0)
    u, i, r = make_ratings()
    n_test = len(r) // 5
    test = (u[:n_test], i[:n_test], r[:n_test])
    train = TensorDataset(u[n_test:], i[n_test:], r[n_test:])
    loader = DataLoader(train, batch_size=256, shuffle=True)

    model = BiasedMF(mean=r[n_test:].mean().item())
    optim = torch.optim.Adam(model.parameters(), lr=lr)
    mse = nn.MSELoss()
    for epoch in range(epochs):
        running = 0.0
        for ub, ib, rb in loader:
            optim.zero_grad()
            fit = mse(model(ub, ib), rb)
            loss = fit + reg * model.l2()
            loss.backward()
            optim.step()
            running += loss.item()
        rmse, r2 = scores(model, *test)
        print(f"epoch {epoch + 1:2d} | loss {running / len(loader):.4f} | test rmse {rmse:.4f} | test r2 {r2:.4f}")


if __name__ == "__main__":
    main()
