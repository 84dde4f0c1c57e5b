"""Breast cancer diagnosis (malignant / benign) from 30 features.

Fault: no_step
Fix: call optimizer.step() after loss.backward() in train_one_epoch (before scheduler.step())
"""

import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class MLP(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_hidden)
        self.fc2 = nn.Linear(n_hidden, n_hidden)
        self.fc3 = nn.Linear(n_hidden, 2)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def get_data(batch_size):
    X, y = load_breast_cancer(return_X_y=True)
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    scaler = StandardScaler().fit(Xtr)
    train = TensorDataset(torch.from_numpy(scaler.transform(Xtr)).float(), torch.from_numpy(ytr))
    test = TensorDataset(torch.from_numpy(scaler.transform(Xte)).float(), torch.from_numpy(yte))
    return DataLoader(train, batch_size, shuffle=True), DataLoader(test, batch_size)


def train_one_epoch(model, loader, optimizer, scheduler):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        scheduler.step()
        total += loss.item() * len(x)
    return total / len(loader.dataset)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    correct = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--hidden", type=int, default=32)  # clinic: default=32 | default=100 | default=12
    args = parser.parse_args()

    torch.manual_seed(42)
    train_loader, test_loader = get_data(args.batch_size)
    model = MLP(30, args.hidden)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)  # clinic: Adam(model.parameters(), lr=args.lr) | SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * len(train_loader))
    for epoch in range(1, args.epochs + 1):
        loss = train_one_epoch(model, train_loader, optimizer, scheduler)
        print(f"epoch {epoch:3d}  train loss {loss:.4f}  test acc {evaluate(model, test_loader):.3f}")


if __name__ == "__main__":
    main()
