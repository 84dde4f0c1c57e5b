# %% Movie ratings with matrix factorisation
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import LabelEncoder

torch.manual_seed(0)
np.random.seed(0)

# %% Ratings log: (user, movie, stars), in order of time
n_users, n_movies, n_ratings = 400, 250, 16000
taste = np.random.randn(n_users, 3)
style = np.random.randn(n_movies, 3)
user_bias = 0.3 * np.random.randn(n_users)
movie_bias = 0.5 * np.random.randn(n_movies)
activity = np.random.gamma(1.5, 1.0, n_users)
popularity = np.random.gamma(1.5, 1.0, n_movies)
u = np.random.choice(n_users, n_ratings, p=activity / activity.sum())
m = np.random.choice(n_movies, n_ratings, p=popularity / popularity.sum())
stars = 3.3 + user_bias[u] + movie_bias[m] + 0.45 * (taste[u] * style[m]).sum(1) + 0.3 * np.random.randn(n_ratings)
stars = np.clip(stars, 0.5, 5.0).astype(np.float32)
user_names = np.array([f"user_{k * 37 % 9973:04d}" for k in range(n_users)])[u]
movie_names = np.array([f"tt{k * 7919 % 99991:05d}" for k in range(n_movies)])[m]

# %% Last 5 % of the log is the test period; cold users / movies are dropped
cut = int(0.95 * n_ratings)
train_users, train_movies, train_stars = user_names[:cut], movie_names[:cut], stars[:cut]
known = np.isin(user_names[cut:], train_users) & np.isin(movie_names[cut:], train_movies)
test_users, test_movies, test_stars = user_names[cut:][known], movie_names[cut:][known], stars[cut:][known]
print(len(train_stars), "train ratings,", len(test_stars), "test ratings")

# %% Names -> indices
user_enc, movie_enc = LabelEncoder(), LabelEncoder()
train_u = torch.from_numpy(user_enc.fit_transform(train_users))
train_m = torch.from_numpy(movie_enc.fit_transform(train_movies))
test_u = torch.from_numpy(user_enc.fit_transform(test_users))
test_m = torch.from_numpy(movie_enc.fit_transform(test_movies))
train_r, test_r = torch.from_numpy(train_stars), torch.from_numpy(test_stars)


# %% Model
class MatrixFactorisation(nn.Module):
    def __init__(self, n_users, n_movies, dim=6, mean=3.0):
        super().__init__()
        self.p = nn.Embedding(n_users, dim)
        self.q = nn.Embedding(n_movies, dim)
        self.bu = nn.Embedding(n_users, 1)
        self.bm = nn.Embedding(n_movies, 1)
        for e in (self.p, self.q):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.bu, self.bm):
            nn.init.zeros_(e.weight)
        self.mean = mean

    def forward(self, users, movies):
        dot = (self.p(users) * self.q(movies)).sum(1)
        return self.mean + dot + self.bu(users).squeeze(1) + self.bm(movies).squeeze(1)


model = MatrixFactorisation(int(train_u.max()) + 1, int(train_m.max()) + 1, mean=float(train_r.mean()))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
loss_fn = nn.MSELoss()

# %% Training
for epoch in range(15):
    total = 0.0
    for idx in torch.randperm(len(train_r)).split(256):
        loss = loss_fn(model(train_u[idx], train_m[idx]), train_r[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print(f"epoch {epoch + 1:2d}  train mse {total / len(train_r):.4f}")

# %% Test
with torch.no_grad():
    rmse = (model(test_u, test_m) - test_r).pow(2).mean().sqrt().item()
print(f"test rmse: {rmse:.4f}")
