"""Neural recommender on made-up ratings

Fault: parameters_not_in_optimizer
Fix: Put them in nn.ModuleList (or assign each as its own attribute).
"""

# Neural recommender on made-up ratings
import numpy as np
import torch
import torch.nn as nn

np.random.seed(0)
torch.manual_seed(0)

N_USERS = 150
N_MOVIES = 100
N_RATINGS = 8000


def fake_ratings():
    """every user likes some genres, every movie has some genres"""
    taste = np.random.randn(N_USERS, 4)
    genre = np.random.randn(N_MOVIES, 4)
    u = np.random.randint(0, N_USERS, N_RATINGS)
    m = np.random.randint(0, N_MOVIES, N_RATINGS)
    score = 3 + 0.6 * (taste[u] * genre[m]).sum(1) + 0.2 * np.random.randn(N_RATINGS)
    score = np.clip(score, 1, 5)
    return u, m, score


class Recommender(nn.Module):
    def __init__(self, n_users, n_movies, dim=16, hidden=64):
        super().__init__()
        # one table for users and one for movies
        self.tables = [nn.Embedding(n_users, dim), nn.Embedding(n_movies, dim)]
        self.hidden = nn.Linear(2 * dim + dim, hidden)
        self.act = nn.ReLU()
        self.out = nn.Linear(hidden, 1)

    def forward(self, users, movies):
        u = self.tables[0](users)
        m = self.tables[1](movies)
        x = torch.cat([u, m, u * m], dim=1)
        x = self.act(self.hidden(x))
        return self.out(x).squeeze(1)


users, movies, ratings = fake_ratings()
users = torch.tensor(users)
movies = torch.tensor(movies)
ratings = torch.tensor(ratings, dtype=torch.float32)
split = int(0.9 * N_RATINGS)

model = Recommender(N_USERS, N_MOVIES)
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=1e-5)

batch_size = 128
for epoch in range(1, 31):
    perm = torch.randperm(split)
    epoch_loss = 0.0
    for start in range(0, split, batch_size):
        b = perm[start:start + batch_size]
        pred = model(users[b], movies[b])
        loss = loss_fn(pred, ratings[b])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(b)
    with torch.no_grad():
        test_loss = loss_fn(model(users[split:], movies[split:]), ratings[split:])
    if epoch % 3 == 0:
        print("epoch %2d  train mse %.4f  test mse %.4f" % (epoch, epoch_loss / split, test_loss.item()))

print("rating variance (baseline):", ratings.var().item())
