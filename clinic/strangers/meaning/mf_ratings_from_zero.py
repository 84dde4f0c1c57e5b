"""Matrix factorisation with user and item biases on a synthetic table of ratings."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)
rng = np.random.default_rng(7)

N_USERS, N_ITEMS, TRUE_DIM = 220, 160, 3


def simulate_ratings(density=0.35):
    p = rng.standard_normal((N_USERS, TRUE_DIM))
    q = rng.standard_normal((N_ITEMS, TRUE_DIM))
    bu = 0.2 * rng.standard_normal((N_USERS, 1))
    bi = 0.3 * rng.standard_normal((1, N_ITEMS))
    r = 3.0 + bu + bi + 0.45 * p @ q.T + 0.2 * rng.standard_normal((N_USERS, N_ITEMS))
    u, i = np.nonzero(rng.random((N_USERS, N_ITEMS)) < density)
    return u, i, np.clip(r[u, i], 0.5, 5.5)


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, dim, mean):
        super().__init__()
        self.user = nn.Embedding(n_users, dim)
        self.item = nn.Embedding(n_items, dim)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.reset_parameters()

    def reset_parameters(self):
        for emb in (self.user_bias, self.item_bias):
            nn.init.zeros_(emb.weight)
        for emb in (self.user, self.item):
            nn.init.zeros_(emb.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(-1)
        return self.mean + self.user_bias(u).squeeze(-1) + self.item_bias(i).squeeze(-1) + dot


u, i, r = simulate_ratings()
u_tr, u_te, i_tr, i_te, r_tr, r_te = train_test_split(u, i, r, test_size=0.2, random_state=0)
train = TensorDataset(torch.tensor(u_tr), torch.tensor(i_tr), torch.tensor(r_tr, dtype=torch.float32))
u_te, i_te = torch.tensor(u_te), torch.tensor(i_te)
loader = DataLoader(train, batch_size=128, shuffle=True)

model = MatrixFactorization(N_USERS, N_ITEMS, dim=6, mean=r_tr.mean())
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, weight_decay=1e-5)
loss_fn = nn.MSELoss()

print(f"ratings: {len(r_tr)} train, {len(r_te)} test; RMSE of the mean {np.std(r_te):.3f}")
for epoch in range(8):
    model.train()
    total = 0.0
    for bu, bi, br in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(bu, bi), br)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(br)
    model.eval()
    with torch.no_grad():
        pred = model(u_te, i_te).numpy()
    rmse = float(np.sqrt(np.mean((pred - r_te) ** 2)))
    print(f"epoch {epoch + 1:2d}  train MSE {total / len(train):.4f}  test RMSE {rmse:.4f}  test R2 {r2_score(r_te, pred):.3f}")
