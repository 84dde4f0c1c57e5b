import argparse

import numpy as np
import torch
import torch.nn as nn


def make_ratings(n_users, n_items, n_obs, rng):
    """Explicit 1..5 star ratings from a low-rank taste model with user/item offsets."""
    k = 5
    U = rng.normal(size=(n_users, k)) / np.sqrt(k)
    V = rng.normal(size=(n_items, k))
    bu = 0.4 * rng.normal(size=n_users)
    bi = 0.5 * rng.normal(size=n_items)
    pairs = rng.choice(n_users * n_items, size=n_obs, replace=False)
    u, i = pairs // n_items, pairs % n_items
    r = 3.4 + bu[u] + bi[i] + 0.9 * (U[u] * V[i]).sum(1) + 0.25 * rng.normal(size=n_obs)
    return u, i, np.clip(np.round(r * 2) / 2, 1, 5).astype(np.float32)


class Interactions:
    """Mini-batches of (user, item, rating) without per-sample collation."""

    def __init__(self, u, i, r, batch_size, shuffle=False):
        self.tensors = (u, i, r)
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self):
        return -(-len(self.tensors[0]) // self.batch_size)

    def __iter__(self):
        n = len(self.tensors[0])
        order = torch.randperm(n) if self.shuffle else torch.arange(n)
        for idx in order.split(self.batch_size):
            yield tuple(t[idx] for t in self.tensors)


class BiasedMF(nn.Module):
    def __init__(self, n_users, n_items, dim, mu):
        super().__init__()
        self.user = nn.Embedding(n_users, dim)
        self.item = nn.Embedding(n_items, dim)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.register_buffer("mu", torch.tensor(mu))
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.item_bias.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(dim=1, keepdim=True)
        bias = self.user_bias(u) + self.item_bias(i)
        return self.mu + bias + dot


@torch.no_grad()
def rmse(model, loader):
    model.eval()
    total, n = 0.0, 0
    for u, i, r in loader:
        mse = ((model(u, i) - r) ** 2).mean()
        total += mse.item() * len(r)
        n += len(r)
    return (total / n) ** 0.5


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--users", type=int, default=400)
    ap.add_argument("--items", type=int, default=250)
    ap.add_argument("--obs", type=int, default=30000)
    ap.add_argument("--dim", type=int, default=8)
    ap.add_argument("--epochs", type=int, default=12)
    ap.add_argument("--batch-size", type=int, default=256)
    ap.add_argument("--lr", type=float, default=5e-3)
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    u, i, r = make_ratings(args.users, args.items, args.obs, rng)

    cut = int(0.85 * len(r))
    u, i, r = torch.as_tensor(u), torch.as_tensor(i), torch.as_tensor(r)
    train = Interactions(u[:cut], i[:cut], r[:cut], args.batch_size, shuffle=True)
    test = Interactions(u[cut:], i[cut:], r[cut:], args.batch_size)

    model = BiasedMF(args.users, args.items, args.dim, float(r[:cut].mean()))
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.1)

    print(f"ratings: {len(r)}  mean {r.mean():.2f}  std {r.std():.3f}")
    for epoch in range(1, args.epochs + 1):
        model.train()
        running = 0.0
        for ub, ib, rb in train:
            optimizer.zero_grad()
            loss = ((model(ub, ib) - rb) ** 2).mean()
            loss.backward()
            optimizer.step()
            running += loss.item()
        if epoch % 4 == 0 or epoch == 1:
            print(f"epoch {epoch:3d}  train mse {running / len(train):.4f}  test rmse {rmse(model, test):.4f}")

    print(f"final test rmse: {rmse(model, test):.4f}")


if __name__ == "__main__":
    main()
