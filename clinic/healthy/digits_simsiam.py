"""SimSiam on the digits: two noisy views, a predictor, and a target branch without gradient; then a linear probe.

Fault: none
Looks like: frozen_or_detached (the targets are detached) and negated_loss (the loss goes to -1, it is a negative cosine); both belong to the method.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader


class SimSiam(nn.Module):
    def __init__(self, dim=64, hidden=128):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, dim),
            nn.BatchNorm1d(dim),
        )
        self.predictor = nn.Sequential(
            nn.Linear(dim, dim // 2), nn.BatchNorm1d(dim // 2), nn.ReLU(), nn.Linear(dim // 2, dim)
        )

    def forward(self, a, b):
        za, zb = self.encoder(a), self.encoder(b)
        return self.predictor(za), self.predictor(zb), za.detach(), zb.detach()


def augment(x):
    keep = (torch.rand_like(x) > 0.2).float()
    return keep * x + 0.3 * torch.randn_like(x)


def D(p, z):
    return -F.cosine_similarity(p, z, dim=-1).mean()


def main():
    torch.manual_seed(1)  # clinic: seed(1) | seed(2)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X / 8.0 - 1.0, dtype=torch.float32)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

    net = SimSiam(hidden=128)  # clinic: 128 | 96 | 200
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    loader = DataLoader(X_train, batch_size=128, shuffle=True, drop_last=True)

    for epoch in range(40):  # clinic: 40 | 30
        net.train()
        total = 0.0
        for x in loader:
            pa, pb, za, zb = net(augment(x), augment(x))
            loss = 0.5 * D(pa, zb) + 0.5 * D(pb, za)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        if (epoch + 1) % 8 == 0:
            spread = F.normalize(za, dim=1).std(0).mean().item()
            print(f"epoch {epoch + 1} loss {total / len(loader):.4f} spread {spread:.3f}")

    net.eval()
    with torch.no_grad():
        h_train, h_test = net.encoder(X_train).numpy(), net.encoder(X_test).numpy()
    probe = LogisticRegression(max_iter=500).fit(h_train, y_train)
    print(f"linear probe accuracy: {probe.score(h_test, y_test):.3f}")


if __name__ == "__main__":
    main()
