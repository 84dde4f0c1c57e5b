import argparse

import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


class RiskModel:
    def __init__(self, n_features, lr):
        self.net = nn.Sequential(nn.Linear(n_features, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 1))
        self.criterion = nn.BCEWithLogitsLoss(reduction="none")
        self.class_weight = torch.tensor([0.84, 0.16])
        self.opt = torch.optim.Adam(self.net.parameters(), lr=lr)

    def step(self, x, labels):
        out = torch.sigmoid(self.net(x).squeeze(-1))
        loss = self.criterion(out, labels.float())
        w = self.class_weight[labels]
        loss = (loss * w).mean()
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.item()

    @torch.no_grad()
    def predict(self, x):
        self.net.eval()
        p = torch.sigmoid(self.net(x).squeeze(-1))
        self.net.train()
        return (p > 0.5).long()


def main(args):
    torch.manual_seed(args.seed)
    X, y = make_classification(n_samples=4000, n_features=20, n_informative=6, weights=[0.84],
                               class_sep=0.9, flip_y=0.02, random_state=args.seed)
    Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.25, random_state=1, stratify=y)
    sc = StandardScaler().fit(Xa)
    Xa = torch.tensor(sc.transform(Xa), dtype=torch.float32)
    Xb = torch.tensor(sc.transform(Xb), dtype=torch.float32)
    ya, yb = torch.tensor(ya), torch.tensor(yb)

    m = RiskModel(20, args.lr)
    for ep in range(args.epochs):
        perm = torch.randperm(len(Xa))
        losses = [m.step(Xa[p], ya[p]) for p in perm.split(args.batch_size)]
        if ep % 4 == 0 or ep == args.epochs - 1:
            pred = m.predict(Xb)
            print(f"ep {ep:2d} loss {sum(losses) / len(losses):.4f} "
                  f"val balanced acc {balanced_accuracy_score(yb, pred):.3f} "
                  f"recall(1) {recall_score(yb, pred):.3f} positives predicted {int(pred.sum())}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--lr", type=float, default=1e-3)
    ap.add_argument("--epochs", type=int, default=25)
    ap.add_argument("--batch-size", type=int, default=64)
    ap.add_argument("--seed", type=int, default=7)
    main(ap.parse_args())
