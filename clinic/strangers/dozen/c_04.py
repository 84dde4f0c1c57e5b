# Churn-like tabular problem: numeric columns with holes, two string columns, rare positive class.
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = 11
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)

# ---------------------------------------------------------------- data
CITIES = ["ams", "ber", "cph", "dub", "edi", "fra", "gva", "ham"]
PLANS = ["basic", "family", "pro", "student", "trial", "team"]
CITY_EFFECT = dict(zip(CITIES, rng.permutation(np.linspace(-1.8, 1.8, len(CITIES)))))
PLAN_EFFECT = dict(zip(PLANS, rng.permutation(np.linspace(-2.2, 2.2, len(PLANS)))))


def make_table(n):
    z = rng.normal(size=(n, 6))
    z[:, 1] = 0.7 * z[:, 0] + 0.7 * z[:, 1]
    city = rng.choice(CITIES, size=n)
    plan = rng.choice(PLANS, size=n)
    score = 1.2 * z[:, 0] - 1.0 * z[:, 2] + 0.8 * z[:, 3] * z[:, 4]
    score += np.array([CITY_EFFECT[c] for c in city]) + np.array([PLAN_EFFECT[p] for p in plan])
    y = (score + 0.4 * rng.normal(size=n) > 3.2).astype(np.int64)
    num = z * np.array([10, 4, 250, 0.3, 1, 30]) + np.array([40, 12, 900, 1.5, 0, 70])
    num[rng.random(num.shape) < 0.12] = np.nan
    return num, city, plan, y


num_tr, city_tr, plan_tr, y_tr = make_table(5000)
num_te, city_te, plan_te, y_te = make_table(2000)

# ---------------------------------------------------------------- preprocessing
median = np.nanmedian(num_tr, axis=0)
mu, sd = np.nanmean(num_tr, axis=0), np.nanstd(num_tr, axis=0)


def prepare_numeric(num):
    missing = np.isnan(num)
    filled = np.where(missing, median, num)
    return np.concatenate([(filled - mu) / sd, missing], axis=1).astype(np.float32)


def encode(column):
    vocab = {}
    for value in column:
        if value not in vocab:
            vocab[value] = len(vocab)
    return np.array([vocab[v] for v in column], dtype=np.int64)


cat_tr = np.stack([encode(city_tr), encode(plan_tr)], axis=1)
cat_te = np.stack([encode(city_te), encode(plan_te)], axis=1)
x_tr, x_te = prepare_numeric(num_tr), prepare_numeric(num_te)

train_ds = TensorDataset(torch.from_numpy(x_tr), torch.from_numpy(cat_tr), torch.from_numpy(y_tr).float())
loader = DataLoader(train_ds, batch_size=128, shuffle=True)
print(f"train {len(y_tr)} rows, positives {y_tr.mean():.3f}, missing cells {np.isnan(num_tr).mean():.3f}")


# ---------------------------------------------------------------- model
class TabNet(nn.Module):
    def __init__(self, n_num, n_city, n_plan, dim=4, hidden=48):
        super().__init__()
        self.city = nn.Embedding(n_city, dim)
        self.plan = nn.Embedding(n_plan, dim)
        self.mlp = nn.Sequential(
            nn.Linear(n_num + 2 * dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, num, cat):
        h = torch.cat([num, self.city(cat[:, 0]), self.plan(cat[:, 1])], dim=1)
        return self.mlp(h).squeeze(1)


model = TabNet(x_tr.shape[1], len(CITIES), len(PLANS))
n_pos = float(y_tr.sum())
n_neg = float(len(y_tr) - n_pos)
criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(n_pos / n_neg))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)

# ---------------------------------------------------------------- training
for epoch in range(12):
    model.train()
    total = 0.0
    for num, cat, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(num, cat), target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    if (epoch + 1) % 3 == 0:
        print(f"epoch {epoch + 1:2d}  train loss {total / len(train_ds):.4f}")

# ---------------------------------------------------------------- test
model.eval()
with torch.no_grad():
    prob = torch.sigmoid(model(torch.from_numpy(x_te), torch.from_numpy(cat_te))).numpy()
print(f"test roc auc: {roc_auc_score(y_te, prob):.4f}")
print(f"test balanced accuracy: {balanced_accuracy_score(y_te, prob > 0.5):.4f}")
