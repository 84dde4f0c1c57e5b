"""Rare fraud cases (about 4 %): logistic regression with one linear unit.

Fault: none
Looks like: no_signal or plateau, since accuracy starts and ends near 96 % and the loss is small from early on; the classes are imbalanced and the ranking (AUC) is good.
Metric: auc, higher is better; 0.5 without learning
"""

import argparse

import torch
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler


def parse():
    ap = argparse.ArgumentParser()
    ap.add_argument("--lr", type=float, default=0.5)  # clinic: default=0.5 | default=0.3
    ap.add_argument("--batch", type=int, default=128)  # clinic: default=128 | default=200
    ap.add_argument("--epochs", type=int, default=8)
    ap.add_argument("--seed", type=int, default=0)  # clinic: default=0 | default=21
    return ap.parse_args()


def main(args):
    torch.manual_seed(args.seed)
    X, y = make_classification(
        n_samples=6000,
        n_features=10,
        n_informative=5,
        n_redundant=0,
        n_clusters_per_class=1,
        weights=[0.965],
        class_sep=1.3,
        flip_y=0.01,
        random_state=3,
    )
    X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)
    X_tr, X_te, y_tr, y_te = X[:5000], X[5000:], y[:5000], y[5000:]

    logit = torch.nn.Linear(10, 1)
    opt = torch.optim.SGD(logit.parameters(), lr=args.lr)
    bce = torch.nn.BCEWithLogitsLoss()
    for epoch in range(args.epochs):
        perm = torch.randperm(len(X_tr))
        total = 0.0
        for i in range(0, len(perm), args.batch):
            sel = perm[i : i + args.batch]
            opt.zero_grad()
            loss = bce(logit(X_tr[sel]).squeeze(-1), y_tr[sel])
            loss.backward()
            opt.step()
            total += loss.item() * len(sel)
        with torch.no_grad():
            score = logit(X_te).squeeze(-1)
        acc = ((score > 0).float() == y_te).float().mean().item()
        print(
            f"{epoch}: loss {total / len(X_tr):.4f} acc {acc:.3f} auc {roc_auc_score(y_te.numpy(), score.numpy()):.3f}"
        )


main(parse())
