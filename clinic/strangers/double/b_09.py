"""Implicit-feedback recommendation: matrix factorisation with sampled negatives, HR@10."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.preprocessing import LabelEncoder

torch.manual_seed(0)
np.random.seed(0)
rng = np.random.RandomState(0)


def simulate_purchases(n_users=400, n_items=300, per_user=30, k=5):
    """Returns arrays (user name, article number), last purchase of each user at the end."""
    skus = np.sort(rng.choice(np.arange(10000, 99999), n_items, replace=False))
    U = rng.normal(size=(n_users, k))
    V = rng.normal(size=(n_items, k))
    pop = rng.normal(scale=0.4, size=n_items)
    train, test = [], []
    for u in range(n_users):
        logits = 1.6 * (V @ U[u]) / np.sqrt(k) * 1.5 + pop
        p = np.exp(logits - logits.max())
        picks = rng.choice(n_items, per_user, replace=False, p=p / p.sum())
        picks = rng.permutation(picks)
        train += [(f"user_{u:04d}", skus[i]) for i in picks[:-1]]
        test.append((f"user_{u:04d}", skus[picks[-1]]))
    return train, test


class MF(nn.Module):
    def __init__(self, n_users, n_items, dim=16):
        super().__init__()
        self.user = nn.Embedding(n_users, dim)
        self.item = nn.Embedding(n_items, dim)
        self.bias = nn.Embedding(n_items, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)
        nn.init.zeros_(self.bias.weight)

    def forward(self, u, i):
        return (self.user(u) * self.item(i)).sum(-1) + self.bias(i).squeeze(-1)


def sample_negatives(users, seen, n_items, n):
    neg = rng.randint(0, n_items, size=(len(users), n))
    bad = seen[users[:, None], neg]
    while bad.any():
        neg[bad] = rng.randint(0, n_items, size=bad.sum())
        bad = seen[users[:, None], neg]
    return neg


@torch.no_grad()
def hit_rate(model, users, items, seen, n_items, k=10, n_neg=99):
    model.eval()
    hits = 0
    for u, i in zip(users, items):
        pool = np.flatnonzero(~seen[u])
        pool = pool[pool != i]
        cand = np.concatenate([[i], rng.choice(pool, n_neg, replace=False)])
        scores = model(torch.full((len(cand),), int(u)), torch.from_numpy(cand))
        hits += int((scores > scores[0]).sum().item() < k)
    return hits / len(users)


train_rows, test_rows = simulate_purchases()
known = {item for _, item in train_rows}
test_rows = [row for row in test_rows if row[1] in known]

user_enc, item_enc = LabelEncoder(), LabelEncoder()
train_u = user_enc.fit_transform([r[0] for r in train_rows])
train_i = item_enc.fit_transform([r[1] for r in train_rows])
n_users, n_items = len(user_enc.classes_), len(item_enc.classes_)
test_u = user_enc.fit_transform([r[0] for r in test_rows])
test_i = item_enc.fit_transform([r[1] for r in test_rows])
print(f"{n_users} users, {n_items} items, {len(train_u)} purchases, {len(test_u)} test users")

seen = np.zeros((n_users, n_items), dtype=bool)
seen[train_u, train_i] = True

model = MF(n_users, n_items)
opt = torch.optim.Adam(model.parameters(), lr=0.01)
N_NEG, BATCH, EPOCHS, L2 = 4, 512, 20, 2e-3
for epoch in range(1, EPOCHS + 1):
    model.train()
    order = rng.permutation(len(train_u))
    total = 0.0
    for start in range(0, len(order), BATCH):
        idx = order[start:start + BATCH]
        u, pos = train_u[idx], train_i[idx]
        neg = sample_negatives(u, seen, n_items, N_NEG)
        ut, pt, nt = torch.from_numpy(u), torch.from_numpy(pos), torch.from_numpy(neg)
        pos_score = model(ut, pt)
        neg_score = model(ut.unsqueeze(1), nt)
        bpr = -F.logsigmoid(pos_score.unsqueeze(1) - neg_score).mean()
        reg = model.user(ut).pow(2).sum(1).mean() + model.item(pt).pow(2).sum(1).mean()
        loss = bpr + L2 * reg
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += bpr.item() * len(idx)
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d}  bpr {total / len(train_u):.4f}")

print(f"HR@10: {hit_rate(model, test_u, test_i, seen, n_items):.4f}")
