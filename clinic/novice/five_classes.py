"""A classifier of table rows, with arguments.

Fault: output_loss_mismatch
Fix: return the scores, without a softmax
"""

import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification


class Classifier(nn.Module):
    def __init__(self, n_in, n_hidden, n_classes):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_hidden)
        self.fc2 = nn.Linear(n_hidden, n_hidden)
        self.out = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        x = self.out(x)
        return F.softmax(x, dim=1)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--lr", type=float, default=0.05)
    p.add_argument("--hidden", type=int, default=64)
    p.add_argument("--seed", type=int, default=42)
    args = p.parse_args()

    torch.manual_seed(args.seed)
    X, y = make_classification(n_samples=3000, n_features=20, n_informative=12,
                               n_redundant=0, n_classes=8, n_clusters_per_class=1,
                               class_sep=1.8, flip_y=0.0, random_state=args.seed)
    X = (X - X.mean(0)) / X.std(0)
    ds = TensorDataset(torch.FloatTensor(X), torch.LongTensor(y))
    dl = DataLoader(ds, batch_size=64, shuffle=True)

    net = Classifier(20, args.hidden, 8)
    opt = torch.optim.SGD(net.parameters(), lr=args.lr)
    criterion = nn.CrossEntropyLoss()

    for ep in range(1, args.epochs + 1):
        running, right = 0.0, 0
        for xb, yb in dl:
            opt.zero_grad()
            pred = net(xb)
            loss = criterion(pred, yb)
            loss.backward()
            opt.step()
            running += loss.item() * len(xb)
            right += (pred.argmax(1) == yb).sum().item()
        print(f"[{ep:3d}/{args.epochs}] loss={running/len(ds):.4f} acc={right/len(ds):.3f}")


if __name__ == "__main__":
    main()
