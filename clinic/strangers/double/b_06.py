import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

SEED = 0
torch.manual_seed(SEED)
np.random.seed(SEED)


def load_transactions(n=16000, fraud_rate=0.03):
    y = (np.random.rand(n) < fraud_rate).astype(np.float32)
    amount = np.exp(np.random.normal(3.0, 1.0, n) + 0.5 * y)
    hour = np.where(y == 1, np.random.normal(6, 6, n) % 24, np.random.normal(14, 5, n) % 24)
    n_last_day = np.random.poisson(2 + 1.5 * y)
    latent = np.random.normal(size=(n, 8))
    latent[y == 1, :3] += np.array([0.8, -0.7, 0.6])
    latent[y == 1, 3] *= 1.8
    noise = np.random.normal(size=(n, 4)) * np.array([1, 10, 100, 0.1])
    X = np.column_stack([np.log1p(amount), np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12),
                         n_last_day, latent, noise])
    return X.astype(np.float32), y


class FraudNet(nn.Module):
    def __init__(self, n_in, hidden=(64, 32), p=0.1):
        super().__init__()
        layers, last = [], n_in
        for h in hidden:
            layers += [nn.Linear(last, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Dropout(p)]
            last = h
        layers += [nn.Linear(last, 1), nn.Sigmoid()]
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x).squeeze(-1)


def predict_proba(model, X):
    model.eval()
    with torch.no_grad():
        return torch.sigmoid(model(torch.from_numpy(X))).numpy()


def train(model, loader, val, pos_weight, max_epochs=15, patience=5):
    criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-5)
    best, best_state, wait = float("inf"), None, 0
    Xv, yv = val
    for epoch in range(max_epochs):
        model.train()
        running = 0.0
        for xb, yb in loader:
            opt.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            opt.step()
            running += loss.item() * len(xb)
        model.eval()
        with torch.no_grad():
            vloss = criterion(model(torch.from_numpy(Xv)), torch.from_numpy(yv)).item()
        print(f"epoch {epoch:2d}  train {running / len(loader.dataset):.4f}  val {vloss:.4f}")
        if vloss < best - 1e-5:
            best, best_state, wait = vloss, copy.deepcopy(model.state_dict()), 0
        else:
            wait += 1
            if wait >= patience:
                print("early stop")
                break
    model.load_state_dict(best_state)
    return model


X, y = load_transactions()
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)
X_tr, X_va, y_tr, y_va = train_test_split(X_tr, y_tr, test_size=0.2, stratify=y_tr, random_state=SEED)
scaler = StandardScaler().fit(X_tr)
X_tr, X_va, X_te = (scaler.transform(a).astype(np.float32) for a in (X_tr, X_va, X_te))

n_fraud, n_legit = int(y_tr.sum()), int((1 - y_tr).sum())
print("fraud:", n_fraud, "legit:", n_legit)
weight = torch.tensor(n_fraud / n_legit)

loader = DataLoader(TensorDataset(torch.from_numpy(X_tr), torch.from_numpy(y_tr)), batch_size=128, shuffle=True)
model = train(FraudNet(X.shape[1]), loader, (X_va, y_va), weight)

pred = (predict_proba(model, X_te) > 0.5).astype(int)
print("test accuracy:", round(float((pred == y_te).mean()), 4))
print("fraud recall:", round(recall_score(y_te, pred), 4))
print("test balanced accuracy:", round(balanced_accuracy_score(y_te, pred), 4))
