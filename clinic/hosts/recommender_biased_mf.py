"""Matrix factorisation with user and item biases fitted to star ratings.

Field: recommender
Metric: test rmse, lower is better; 0.988 without learning
"""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)

N_USERS, N_ITEMS, N_RATINGS = 250, 180, 16000


class BiasedMF(nn.Module):
    """Global mean + user bias + item bias + dot product of the factors."""

    def __init__(self, n_users, n_items, rank, mean):
        super().__init__()
        self.mean = mean
        self.p = nn.Embedding(n_users, rank)
        self.q = nn.Embedding(n_items, rank)
        self.bu = nn.Embedding(n_users, 1)
        self.bi = nn.Embedding(n_items, 1)
        nn.init.normal_(self.p.weight, std=0.1)
        nn.init.normal_(self.q.weight, std=0.1)
        nn.init.zeros_(self.bu.weight)
        nn.init.zeros_(self.bi.weight)

    def forward(self, user, item):
        """Predicted ratings and the penalty of the parameters that took part."""
        p, q, bu, bi = self.p(user), self.q(item), self.bu(user).squeeze(1), self.bi(item).squeeze(1)
        rating = self.mean + bu + bi + (p * q).sum(dim=1)
        penalty = p.pow(2).sum(1) + q.pow(2).sum(1) + bu.pow(2) + bi.pow(2)
        return rating, penalty


def make_ratings():
    """Half-star ratings of a random third of all user-item pairs."""
    cell = rng.choice(N_USERS * N_ITEMS, size=N_RATINGS, replace=False)
    user, item = cell // N_ITEMS, cell % N_ITEMS
    taste, trait = rng.normal(size=(N_USERS, 3)), rng.normal(size=(N_ITEMS, 3))
    strict, quality = rng.normal(0, 0.4, N_USERS), rng.normal(0, 0.5, N_ITEMS)
    stars = 3.2 + strict[user] + quality[item] + 0.45 * (taste[user] * trait[item]).sum(1)
    stars += rng.normal(0, 0.2, N_RATINGS)
    return user, item, np.clip(np.rint(2 * stars) / 2, 0.5, 5.0)


user, item, stars = make_ratings()
n_train = int(0.8 * N_RATINGS)
u, i = torch.from_numpy(user), torch.from_numpy(item)
r = torch.from_numpy(stars).float()

model = BiasedMF(N_USERS, N_ITEMS, rank=4, mean=r[:n_train].mean().item())
optimizer = torch.optim.Adam(model.parameters(), lr=0.015)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)

for epoch in range(25):
    order = torch.randperm(n_train)
    total = 0.0
    for batch in order.split(512):
        pred, penalty = model(u[batch], i[batch])
        loss = ((r[batch] - pred) ** 2 + 0.005 * penalty).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    scheduler.step()
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1:2d}  objective {total / n_train:.4f}")

with torch.no_grad():
    guess = model(u[n_train:], i[n_train:])[0].clamp(0.5, 5.0).numpy()
rmse = np.sqrt(np.mean((guess - stars[n_train:]) ** 2))
print(f"test rmse {rmse:.4f}")
